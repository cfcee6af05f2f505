"""Names under ``uses`` that stand for no operator, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.reading.uses.unknown_operators import unknown_short_name
from airfleet.yaml.problems import Hints
from support.played_providers import installed

PACKAGE = "apache-airflow-providers-"


@pytest.mark.parametrize(
    ("written", "sentence", "hint"),
    [
        ("docker", "provider 'docker' is not installed", f"add {PACKAGE}docker to the requirements"),
        ("docker.docker", "provider 'docker' is not installed", f"add {PACKAGE}docker to the requirements"),
        ("cncf.kubernetes.pod", "provider 'cncf.kubernetes' is not installed",
         f"add {PACKAGE}cncf-kubernetes to the requirements"),
        ("DockerOperator", "provider 'docker' is not installed",
         f"add {PACKAGE}docker to the requirements, and write uses: docker"),
        ("DbtCloudJobRunSensor", "provider 'dbt.cloud' is not installed",
         f"add {PACKAGE}dbt-cloud to the requirements, and write uses: dbt_cloud_job_run_sensor"),
        ("BashOperator", "there is no operator 'BashOperator'", "write uses: bash"),
        ("HttpOperator", "there is no operator 'HttpOperator'", "write uses: http"),
        ("DummyOperator", "there is no operator 'DummyOperator'", "write uses: empty"),
        ("PostgresOperator", "there is no operator 'PostgresOperator'", "write uses: sql_execute_query"),
        ("bahs", "there is no operator 'bahs'", "did you mean 'bash'?"),
        ("htpt", "there is no operator 'htpt'", "did you mean 'http'?"),
        ("zzzzz", "there is no operator 'zzzzz'", "write its import path"),
        ("http.htpt", "there is no operator 'http.htpt'", "did you mean 'http.http'?"),
        ("http.zzzzz", "there is no operator 'http.zzzzz'", "there are http, http_sensor"),
        ("postgres.postgres", "provider 'postgres' has no operators",
         "to run a Python function, write postgres:postgres"),
        ("steps.fetch",
         "there is no operator 'steps.fetch': its last part is not a class, and no provider is called 'steps'",
         "a Python function is written steps:fetch"),
    ],
)  # fmt: skip
def test_a_name_that_is_no_operator(written: str, sentence: str, hint: str) -> None:
    assert unknown_short_name(written, Hints()) == (sentence, hint)


def test_a_name_of_several_providers_is_refused_with_all_of_them(tmp_path: Path) -> None:
    source = "class LaunchOperator(BaseOperator): ...\n"
    with installed(tmp_path, {"acme": source, "rival": source}):
        assert unknown_short_name("launch", Hints()) == (
            "'launch' is an operator of several providers",
            "write one of acme.launch, rival.launch",
        )


def test_it_is_said_at_its_place(tmp_path: Path) -> None:
    from airfleet.pipelines.checks.pipeline_checks import read_and_check

    file = tmp_path / "p.yaml"
    file.write_text("dag_id: d\ntasks: [{id: t, uses: docker.docker}]\n")
    assert [str(problem) for problem in read_and_check(file, environ={}).problems] == [
        f"{file}:2:23: tasks.t.uses: provider 'docker' is not installed\nhint: add {PACKAGE}docker to the requirements"
    ]
