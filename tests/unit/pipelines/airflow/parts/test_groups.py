"""Groups as Airflow's task groups: what waits for what, and parts in setup and teardown."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG

from airfleet.pipelines.airflow.import_common import dags_and_problems
from airfleet.pipelines.language.graph import upstream
from airfleet.pipelines.reading.reader import read

TASKS = """
dag_id: d
tasks:
- {id: a, setup: true}
- {id: z, needs: [outer, inner_too.x]}
- group: outer
  needs: [a]
  tasks:
  - {id: first}
  - group: inner
    needs: [first]
    tasks: [{id: p}, {id: q, needs: [p]}, {id: r, needs: [a]}]
  - {id: tidy, teardown: {setups: [a]}, needs: [inner]}
- {group: inner_too, needs: [outer.inner], tasks: [{id: x}, {id: y, needs: [x]}]}
"""


def dag_of(folder: Path) -> DAG:
    (folder / "p.yaml").write_text(TASKS)
    [dag], problems = dags_and_problems(folder / "p.yaml")
    assert problems == ()
    return dag


def test_what_check_takes_for_the_graph_is_airflows(tmp_path: Path) -> None:
    dag = dag_of(tmp_path)
    [pipeline] = read(TASKS, "p.yaml").pipelines
    assert {task: set(ups) for task, ups in upstream(pipeline).items()} == {
        task.task_id: set(task.upstream_task_ids) for task in dag.tasks
    }


def test_a_teardown_waits_for_its_setup(tmp_path: Path) -> None:
    tasks = dag_of(tmp_path).task_dict
    assert (tasks["a"].is_setup, tasks["outer.tidy"].is_teardown) == (True, True)
    assert tasks["outer.tidy"].trigger_rule == "all_done_setup_success"
