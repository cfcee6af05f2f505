"""A Dag of one task that works for as long as its run says, before the witness; and a fleet of several hosts for it."""

from __future__ import annotations

from pathlib import Path

DAG = """\
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

from airfleet.drill import journal as witness


def work(*, ti, dag_run):
    witness.work(float(dag_run.conf["seconds"]), beat_seconds=0.25, ti=ti)


with DAG("works", schedule=None, max_active_runs=100, is_paused_upon_creation=False):
    PythonOperator(task_id="work", python_callable=work)
"""
FILES = {"pipelines/works.py": DAG}
#: where tasks run now
WHERE = "SELECT run_id, hostname FROM task_instance WHERE state = 'running'"


def fleet_yaml(name: str, witness_folder: Path) -> str:
    """Hosts with four slots each, whose tasks write into this folder."""
    return f"""\
name: {name}
workers: [{{name: worker, slots: 4}}]
env: {{WITNESS_FOLDER: "{witness_folder}"}}
"""
