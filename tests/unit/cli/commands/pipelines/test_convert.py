"""``convert``: files of other formats as pipeline files."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.client.project import Project
from support.command_line import Airfleet

FACTORY = """\
# Orders
orders:
  schedule: '@daily'
  tasks:
    - task_id: load  # all of them
      operator: airflow.operators.bash.BashOperator
      bash_command: echo {{ ds }} $TOKEN
      env: {TOKEN: $SECRET_TOKEN}
"""
OURS = """\
# Orders
dag_id: orders
schedule: '@daily'
tasks:
  - id: load  # all of them
    uses: bash
    with:
      bash_command: {$t: echo {{ ds }} $TOKEN}
      env: {TOKEN: "${{ env.SECRET_TOKEN or '$SECRET_TOKEN' }}"}
"""


@pytest.fixture
def orders(project: Project) -> str:
    (project.root / "pipelines" / "orders.yml").write_text(FACTORY)
    return "pipelines/orders.yml"


def test_a_file_of_dag_factory_is_printed_as_ours(
    orders: str, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    result = airfleet("convert", orders)
    assert result.code == 0
    assert result.out == OURS.replace("{$t: echo {{ ds }} $TOKEN}", "{$t: 'echo {{ ds }} $TOKEN'}")
    assert "hunter2" not in result.out + result.err


def test_files_are_written_and_never_overwritten(orders: str, airfleet: Airfleet, project: Project) -> None:
    result = airfleet("convert", orders, "-o", "new")
    assert (result.code, result.err) == (0, f"{orders}: a dag-factory file → new/orders.yaml\n")
    assert (project.root / "new/orders.yaml").read_text().startswith("# Orders\ndag_id: orders\n")
    result = airfleet("convert", orders, "-o", "new")
    assert result.code == 1
    assert "new/orders.yaml is there already, and is not overwritten" in result.err


def test_a_file_in_place_of_the_folder_is_said(orders: str, airfleet: Airfleet) -> None:
    assert (
        "error: fleet.yaml is there already, and is not overwritten"
        in airfleet("convert", orders, "-o", "fleet.yaml").err
    )


def test_what_is_not_carried_over_is_said(orders: str, airfleet: Airfleet, project: Project) -> None:
    file = project.root / orders
    file.write_text(FACTORY + "    - {task_id: b, operator: x.Op, success_check_lambda: 'lambda x: x'}\n")
    result = airfleet("convert", orders)
    assert result.code == 1
    assert "orders.tasks.b.success_check_lambda: Python is not evaluated here" in result.err
    assert "dag_id: orders" in result.out


def test_airflows_own_format_is_written_as_yaml_1_2(project: Project, airfleet: Airfleet) -> None:
    schema = "$schema: https://airflow.apache.org/schemas/dag/2026-10-30.json"
    (project.root / "own.yaml").write_text(f"{schema}\ndag_id: a\ncatchup: no\ntasks: [{{id: b, retries: 010}}]\n")
    result = airfleet("convert", "own.yaml")
    assert (result.code, result.err) == (0, "")
    assert result.out == "dag_id: a\ncatchup: false\ntasks:\n  - {id: b, retries: 8}\n"


def test_a_crontab_needs_no_name(project: Project, airfleet: Airfleet) -> None:
    (project.root / "jobs").write_text("30 2 * * 1-5 /opt/backup.sh --all\n")
    result = airfleet("convert", "jobs")
    assert result.code == 0
    assert result.out.startswith("dag_id: backup\nschedule: 30 2 * * 1-5\ncatchup: false\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("dag_id: a\ntasks: [{id: b}]\n", "this is a pipeline file already"),
        ("table: orders\n", "airfleet does not know this format"),
        ("default_args: {owner: me}\n", "these are defaults of dag-factory"),
        ("a: [\n", "pipelines/other.yml:2:1"),
    ],
)
def test_other_files_are_refused(content: str, said: str, project: Project, airfleet: Airfleet) -> None:
    (project.root / "pipelines/other.yml").write_text(content)
    result = airfleet("convert", "pipelines/other.yml")
    assert (result.code, result.out) == (1, "")
    assert said in result.err


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("x = 1\n", 1, "dags.py:1:1: there is no Dag in this file"),
        ("import os\nos._exit(0)\n", 1, "of dags.py: it ends the process that reads it"),
        ("import atexit\nfrom airflow.sdk import DAG\natexit.register(print, 'bye')\ndag = DAG('a')\n", 0, ""),
    ],
)
def test_a_file_in_python_is_converted_or_refused_in_a_sentence(
    content: str, code: int, said: str, project: Project, airfleet: Airfleet
) -> None:
    (project.root / "dags.py").write_text(content)
    result = airfleet("convert", "dags.py")
    assert result.code == code
    assert said in result.err


def test_wrong_words(orders: str, airfleet: Airfleet) -> None:
    assert airfleet("convert", orders, orders).code == 2
    assert "no such file or folder: gone" in airfleet("convert", "gone").err


def test_check_compares_the_dags_of_both(orders: str, airfleet: Airfleet, project: Project) -> None:
    result = airfleet("convert", orders, "--check")
    assert (result.code, result.out) == (0, "")
    assert result.err == f"{orders}: no differences\n"
    assert sorted(file.name for file in Path(project.root / "pipelines").iterdir() if "airfleet" in file.name) == []
