"""Each task of two files is compared as Airflow stores it."""

from __future__ import annotations

from pathlib import Path

from airfleet.pipelines.airflow.conversion.comparison import differences

DAG = """\
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("compared", schedule=None):
    BashOperator(task_id="first", bash_command="ls", retries=2) >> BashOperator(task_id="last", bash_command="pwd")
"""
OURS = """\
dag_id: compared
tasks:
  - {id: first, uses: bash, retries: %d, with: {bash_command: ls}}
  - {id: last, uses: bash, needs: [first], with: {bash_command: pwd}}
"""


def test_every_task_is_compared(tmp_path: Path) -> None:
    original, ours = tmp_path / "compared.py", tmp_path / "compared.yaml"
    original.write_text(DAG)
    ours.write_text(OURS % 2)
    assert list(differences(original, ours)) == []
    ours.write_text(OURS % 3)
    assert list(differences(original, ours)) == [
        "compared.tasks.first.retries: 2 in the original, 3 in the converted file"
    ]
