"""``airfleet check``: its outputs for other programs, silenced lines, and what the fleet declares."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airfleet.client.project import Project
from support.command_line import Airfleet

WRONG = """\
dag_id: wrong
tasks:
  - {id: load, uses: bash, needs: [extrct], with: {bash_command: ls}}
  - {id: extract, uses: bash, with: {bash_command: "echo {{ ds }}"}}
"""


@pytest.fixture
def wrong(project: Project) -> Path:
    path = project.root / "pipelines" / "wrong one,.yaml"
    path.write_text(WRONG)
    return path


def test_annotations_of_a_github_workflow(wrong: Path, airfleet: Airfleet) -> None:
    result = airfleet("check", "-o", "github")
    assert result.code == 1
    assert result.out.splitlines() == [
        "::error file=pipelines/wrong one%2C.yaml,line=3,col=36,title=AF120::tasks.load.needs[0]:"
        " there is no task 'extrct'%0Ahint: did you mean 'extract'?",
        "::warning file=pipelines/wrong one%2C.yaml,line=4,col=52,title=AF200::tasks.extract.with.bash_command:"
        " '{{ ds }}' is not rendered: text stays as it is written%0Ahint: write"
        ' {$t: "…"} around the text to render it, or {$const: "…"} if it is meant so',
    ]


def test_sarif(wrong: Path, airfleet: Airfleet) -> None:
    result = airfleet("check", "-o", "sarif")
    assert (result.code, result.err) == (1, "")
    log = json.loads(result.out)
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    [run] = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["AF120", "AF200"]
    assert [rule["defaultConfiguration"]["level"] for rule in run["tool"]["driver"]["rules"]] == ["error", "warning"]
    first, second = run["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("AF120", 0, "error")
    assert (second["ruleId"], second["ruleIndex"], second["level"]) == ("AF200", 1, "warning")
    [location] = first["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "pipelines/wrong%20one%2C.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 36},
    }
    assert location["logicalLocations"] == [{"fullyQualifiedName": "tasks.load.needs[0]"}]
    text = "tasks.load.needs[0]: there is no task 'extrct'\nhint: did you mean 'extract'?"
    assert first["message"] == {"text": text}


def test_sarif_of_nothing_wrong(project: Project, airfleet: Airfleet) -> None:
    result = airfleet("check", "-o", "sarif")
    assert result.code == 0
    assert json.loads(result.out)["runs"][0]["results"] == []


def test_a_comment_silences_a_remark_and_no_problem(wrong: Path, airfleet: Airfleet) -> None:
    lines = WRONG.splitlines()
    lines[2] += "  # airfleet: ignore AF120"
    lines[3] += "  # airfleet: ignore AF200"
    wrong.write_text("\n".join(lines))
    result = airfleet("check", "-o", "json")
    found = json.loads(result.out)
    assert [one["code"] for one in found["problems"]] == ["AF120"]
    assert [(one["code"], one["sentence"]) for one in found["remarks"]] == [("AF221", "AF120 cannot be silenced")]


def test_a_comment_silences_a_queue_of_another_fleet(project: Project, airfleet: Airfleet) -> None:
    (project.root / "pipelines" / "a.yaml").write_text(
        "dag_id: a\ntasks:\n  - {id: one, uses: bash, queue: far, with: {bash_command: ls}}  # airfleet: ignore AF140\n"
    )
    result = airfleet("check", "--strict")
    assert (result.code, result.out) == (0, "")


def test_a_comment_silences_a_file_that_is_no_pipeline(project: Project, airfleet: Airfleet) -> None:
    (project.root / "pipelines" / "loader.yaml").write_text(
        "# airfleet: ignore AF210 (the loader reads it)\nversion: 1\n"
    )
    result = airfleet("check", "--strict")
    assert (result.code, result.out) == (0, "")


def test_pools_and_connections_that_nobody_declares(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(
        "pools: {shop: 4}\nconnections: {shop: 'http://shop.example'}\nenv: {AIRFLOW_CONN_OLD: x}\n"
    )
    (project.root / "pipelines" / "a.yaml").write_text(
        "dag_id: a\ndefaults: {pool: shopp}\ntasks:\n"
        "  - {id: one, uses: file_sensor, with: {filepath: x, fs_conn_id: shopp}}\n"
        "  - {id: two, uses: file_sensor, pool: shop, with: {filepath: x, fs_conn_id: shopp}}\n"
        "  - {id: three, uses: file_sensor, pool: default_pool, with: {filepath: x, fs_conn_id: shop}}\n"
        "  - {id: four, uses: file_sensor, pool: other, with: {filepath: x, fs_conn_id: old}}\n"
    )
    found = json.loads(airfleet("check", "-o", "json").out)
    assert [(one["code"], one["line"], one["sentence"], one["hint"]) for one in found["remarks"]] == [
        ("AF208", 2, "no pool 'shopp' is declared: without it the tasks wait for ever", "did you mean 'shop'?"),
        ("AF209", 4, "no connection 'shopp' is declared", "did you mean 'shop'?"),
        ("AF208", 7, "no pool 'other' is declared: without it the tasks wait for ever",
         "write it under 'pools' in fleet.yaml"),
    ]  # fmt: skip


def test_an_overlay_and_a_secrets_backend_declare_as_well(project: Project, airfleet: Airfleet) -> None:
    text = "dag_id: a\ntasks:\n  - {id: one, uses: file_sensor, pool: big, with: {filepath: x, fs_conn_id: shop}}\n"
    (project.root / "pipelines" / "a.yaml").write_text(text)
    project.fleet_file.write_text("name: shop\n")
    assert len(json.loads(airfleet("check", "-o", "json").out)["remarks"]) == 2
    (project.root / "fleet.prod.yaml").write_text("pools: {big: 9}\nconnections: {shop: 'http://shop.example'}\n")
    assert json.loads(airfleet("check", "-o", "json").out)["remarks"] == []
    (project.root / "fleet.prod.yaml").write_text("pools: [")
    project.fleet_file.write_text("pools: {big: 1}\nairflow: {secrets: {backend: shop.Secrets}}\n")
    assert json.loads(airfleet("check", "-o", "json").out)["remarks"] == []
