"""Dags in Python become documents of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airfleet.pipelines.airflow.conversion.python_dags import converted

FILE = """\
import datetime as dt
import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Param, TaskGroup, task

def load(day): ...
def told(context): ...

with DAG(
    "shop", description="The shop", schedule="0 6 * * *", start_date=pendulum.datetime(2025, 1, 1, tz="Europe/Berlin"),
    tags=["b", "a"], params={"n": Param(5, type="integer"), "x": "y"}, dagrun_timeout=dt.timedelta(hours=2),
    default_args={"retries": 2, "on_failure_callback": told},
) as dag:
    begin = EmptyOperator(task_id="begin")
    with TaskGroup("inner", tooltip="In it"):
        rows = PythonOperator(task_id="load", python_callable=load, op_kwargs={"day": "{{ ds }}"}, retries=3)
        @task
        def double(rows, n=1): ...
        double(rows.output, n=2)
    @task
    def each(x): ...
    each.expand(x=[1, 2])
    begin >> BashOperator(task_id="greet", bash_command="run.sh", trigger_rule="all_done")
    PythonOperator(task_id="bad", python_callable=lambda: 1)
"""


def of(tmp_path: Path, text: str = FILE) -> dict[str, Any]:
    file = tmp_path / "shop_dags.py"
    file.write_text(text)
    found: dict[str, Any] = json.loads(json.dumps(converted(file)))
    return found


def test_a_dag_is_a_document(tmp_path: Path) -> None:
    found = of(tmp_path)
    (dag,) = found["documents"]
    tasks = dag.pop("tasks")
    assert dag == {
        "dag_id": "shop",
        "schedule": "0 6 * * *",
        "timezone": "Europe/Berlin",
        "description": "The shop",
        "start_date": "2025-01-01",
        "tags": ["a", "b"],
        "params": {"n": {"type": "integer", "default": 5}, "x": "y"},
        "dagrun_timeout": "2h",
        "defaults": {"retries": 2, "on_failure_callback": "shop_dags_steps:told"},
    }
    begin, inner, each, greet, bad = tasks
    assert begin == {"id": "begin"}
    assert {key: value for key, value in inner.items() if key != "tasks"} == {"group": "inner", "tooltip": "In it"}
    python = "airflow.providers.standard.operators.python.PythonOperator"
    assert inner["tasks"] == [
        {
            "id": "load",
            "uses": python,
            "retries": 3,
            "with": {"python_callable": "shop_dags_steps:load", "op_kwargs": {"day": {"$t": "{{ ds }}"}}},
        },
        {"id": "double", "uses": "shop_dags_steps:double", "with": {"rows": {"$x": "inner.load"}, "n": 2}},
    ]
    assert each == {"id": "each", "uses": "shop_dags_steps:each", "expand": {"x": [1, 2]}}
    assert greet["needs"] == ["begin"]
    assert greet["trigger_rule"] == "all_done"
    assert greet["with"] == {"bash_command": {"$t": "{% include 'run.sh' %}"}}
    assert bad == {"id": "bad", "uses": python}


def test_what_is_left_out_is_noted(tmp_path: Path) -> None:
    found = of(tmp_path)
    assert found["functions"] == ["double", "each", "load", "told"]
    assert found["notes"] == [
        ["bad.python_callable", "a lambda is no function at the top of a module, and is left out"]
    ]
    assert found["errors"] == []


def test_a_file_that_airflow_cannot_read(tmp_path: Path) -> None:
    found = of(tmp_path, "import no_such_module\n")
    assert found["documents"] == []
    assert found["errors"] == ["ModuleNotFoundError: No module named 'no_such_module'"]


GROUPS = """\
from airflow.sdk import DAG, task, task_group

with DAG("shop", schedule=None):
    @task
    def load(x, n=1): ...
    @task
    def names(): ...
    @task_group
    def each(x, k):
        load(x, n=k)
    each.partial(k=5).expand(x=names())
    @task_group
    def sets(a, b):
        load.override(task_id="both")(a, n=b)
    sets.expand_kwargs([{"a": 1, "b": 2}])
"""


def test_a_group_that_is_repeated_is_one_of_ours(tmp_path: Path) -> None:
    found = of(tmp_path, GROUPS)
    assert found["notes"] == []
    _, each, sets = found["documents"][0]["tasks"]
    uses = "shop_dags_steps:load"
    assert each == {
        "group": "each",
        "needs": ["names"],
        "expand": {"x": {"$x": "names"}},
        "tasks": [{"id": "load", "uses": uses, "with": {"x": {"$item": "x"}, "n": 5}}],
    }
    assert sets == {
        "group": "sets",
        "expand_kwargs": [{"a": 1, "b": 2}],
        "tasks": [{"id": "both", "uses": uses, "with": {"x": {"$item": "a"}, "n": {"$item": "b"}}}],
    }
