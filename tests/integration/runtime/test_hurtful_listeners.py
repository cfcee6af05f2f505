"""A listener of a plugin that exits or never ends stops no run and no component."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.testing.fleet import FleetUnderTest

PLUGIN = """
import sys, time
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

ENDS = {"exits": lambda: sys.exit(0), "never": lambda: time.sleep(10_000), "raises": lambda: 1 / 0}

class Listener:
    @hookimpl
    def on_dag_run_success(self, dag_run, msg):
        ENDS.get(dag_run.dag_id, lambda: None)()

    @hookimpl
    def on_task_instance_running(self, previous_state, task_instance):
        if task_instance.dag_id == "raises":
            raise ValueError("not with me")

class Hurts(AirflowPlugin):
    name = "hurts"
    listeners = [Listener()]
"""
DAGS = """
from airflow.sdk import DAG, task

for name in ("exits", "never", "raises", "fine"):
    with DAG(name, schedule=None) as dag:
        task(task_id="t")(lambda: 1)()
    globals()[name] = dag
"""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetUnderTest]:
    os.umask(0o022)
    folder: Path = tmp_path_factory.mktemp("plugins")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    (folder / "hurts.py").write_text(PLUGIN)
    text = "name: hears\ntriggerer: false\nworkers: [{name: worker, slots: 2}]\n"
    text += f"airflow: {{core: {{plugins_folder: {folder}}}}}\n"
    with FleetUnderTest.make(text, {"pipelines/dags.py": DAGS}) as made:
        made.start()
        made.wait_for_dag("fine")
        yield made


def test_runs_go_on_whatever_a_listener_does_and_no_component_ends(fleet: FleetUnderTest) -> None:
    names = ("exits", "never", "raises", "fine")
    runs = {name: fleet.trigger(name) for name in names}
    assert [fleet.wait_for_run(name, runs[name]) for name in names] == ["success"] * 4
    assert fleet.wait_for_run("fine", fleet.trigger("fine")) == "success"
    assert [fleet.component(name).restarts for name in ("scheduler", "worker", "api-server")] == [0, 0, 0]
    log = (fleet.paths.logs / "scheduler.log").read_text()
    assert "a listener of on_dag_run_success wanted to end it: SystemExit(0)" in log
    assert "a listener did not return within 20 s" in log
