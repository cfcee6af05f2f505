"""Problems of a translated file are said with the paths that its values have there."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check

BASH = "airflow.operators.bash.BashOperator"
FILE = f"""\
default:
  default_args: {{retries: many}}
orders:
  schedule: 61 6 * * *
  tasks:
    - task_id: load
      operator: {BASH}
      bash_comand: ls
      dependencies: [extrct]
    - task_id: extract
      operator: airflow.operators.bash.BashOperatr
      execution_timeout: {{__type__: datetime.timedelta, minutes: x}}
stock:
  tasks:
    a: {{operator: {BASH}, bash_command: ls, pool_slots: 0}}
    b:
      decorator: airflow.sdk.task
      python_callable: no_such_module.load
"""


def test_paths_are_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(FILE)
    checked = read_and_check(file, environ={})
    assert [f"{problem.place.line}: {problem.path}" for problem in checked.problems] == [
        "2: default.default_args.retries",
        "4: orders.schedule",
        "8: orders.tasks.load.bash_comand",
        "9: orders.tasks.load.dependencies[0]",
        "11: orders.tasks.extract.operator",
        "12: orders.tasks.extract.execution_timeout",
        "15: stock.tasks.a.pool_slots",
        "18: stock.tasks.b.python_callable",
    ]


@pytest.mark.parametrize("text", ["dag_id: a\ntasks: [{id: b, needs: [c]}]\n"])
def test_paths_of_our_own_files_stay(text: str, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(text)
    assert [problem.path for problem in read_and_check(file, environ={}).problems] == ["tasks.b.needs[0]"]
