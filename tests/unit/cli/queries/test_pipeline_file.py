"""A file named on the command line is read, or refused by its kind with the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.cli.queries import pipeline_file
from airfleet.errors import FileProblems, FleetError, UsageError
from airfleet.fleet.config import reader

JOBS = "dag_id: '${{ job.name }}_daily'\njobs: [{name: red}, {name: blue}]\ntasks: [{id: t}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs.yaml").write_text(JOBS)
    (tmp_path / "broken.yaml").write_text("dag_id: a\ntasks: [{id: t, neds: [x]}]\n")
    (tmp_path / "a.test.yaml").write_text("cases: []\n")
    (tmp_path / "old.py").write_text("from airflow import DAG\n")
    (tmp_path / "old.zip").write_bytes(b"PK")
    return tmp_path


def test_all_pipelines_of_a_file_are_read_or_those_of_one_job(folder: Path) -> None:
    assert [one.dag_id for one in pipeline_file.read(folder / "jobs.yaml", None, None)] == ["red_daily", "blue_daily"]
    for word in ("blue", "blue_daily"):
        assert [one.dag_id for one in pipeline_file.read(folder / "jobs.yaml", word, None)] == ["blue_daily"]


def test_an_unknown_job_is_a_usage_error_with_the_near_one(folder: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'blue'"):
        pipeline_file.read(folder / "jobs.yaml", "bleu", None)


def test_a_file_with_problems_has_no_pipelines(folder: Path) -> None:
    with pytest.raises(FileProblems, match="neds"):
        pipeline_file.read(folder / "broken.yaml", None, None)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("jobs.yml", "no such file: {}\nhint: did you mean 'jobs.yaml'?"),
        ("a.test.yaml", "{0} has tests of a pipeline\nhint: airfleet test {0} runs them"),
        ("old.py", "{}: airfleet show takes a pipeline in YAML, not Dags in Python\nhint: airfleet check says"),
        ("old.zip", "{}: airfleet show takes a pipeline in YAML, not Dags in an archive\nhint: airfleet check says"),
        ("", "{} is a folder; airfleet show takes one pipeline file"),
    ],
)
def test_what_is_no_pipeline_file_is_refused_by_its_kind(name: str, said: str, folder: Path) -> None:
    file = folder / name
    with pytest.raises(FleetError) as raised:
        pipeline_file.of_yaml(file, "airfleet show")
    assert str(raised.value).startswith(said.format(file))


def test_one_pipeline_is_wanted_and_the_jobs_are_named(folder: Path) -> None:
    pipelines = pipeline_file.read(folder / "jobs.yaml", None, None)
    with pytest.raises(UsageError, match="has 2 jobs\nhint: choose one with --job: "):
        pipeline_file.the_only(pipelines, folder / "jobs.yaml")
    assert pipeline_file.the_only(pipelines[:1], folder / "jobs.yaml") is pipelines[0]
    with pytest.raises(FleetError, match="has no pipeline"):
        pipeline_file.the_only((), folder / "jobs.yaml")


@pytest.mark.parametrize(
    ("settings", "syntax", "safe_mode"),
    [
        ("", "glob", True),
        ("airflow: {core: {dag_ignore_file_syntax: regexp}}\n", "regexp", True),
        ("airflow: {core: {dag_discovery_safe_mode: 'False'}}\n", "glob", False),
        ("airflow: {core: {dag_discovery_safe_mode: '0'}}\n", "glob", False),
    ],
)
def test_files_are_looked_for_as_the_fleets_airflow_does(
    settings: str, syntax: str, safe_mode: bool, tmp_path: Path
) -> None:
    (tmp_path / "fleet.yaml").write_text(f"name: shop\n{settings}")
    rules = pipeline_file.rules_of(reader.read_file(tmp_path / "fleet.yaml", {}))
    assert (rules.ignore_syntax, rules.safe_mode) == (syntax, safe_mode)


def test_tasks_have_what_fleet_yaml_gives_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "fleet.yaml").write_text("name: shop\nenv: {BUCKET: sales}\n")
    monkeypatch.setenv("OF_THIS_SHELL", "1")
    environ = pipeline_file.environment(folder / "jobs.yaml", None)
    assert (environ["BUCKET"], environ["OF_THIS_SHELL"]) == ("sales", "1")
