"""Workloads have the shapes that their names say, in Python and in YAML."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dag_files
import pytest
import workloads
from workloads import Workload

from airfleet.pipelines.checks.pipeline_checks import read_and_check

ALL = workloads.all_workloads()


@pytest.mark.parametrize("workload", ALL.values(), ids=ALL)
def test_tasks_wait_for_earlier_tasks_only(workload: Workload) -> None:
    for number, needed in enumerate(workload.graph):
        assert all(0 <= earlier < number for earlier in needed)


def test_a_fan_out_has_a_start_and_an_end() -> None:
    graph = workloads.fan_out(3)
    assert graph == ((), (0,), (0,), (0,), (1, 2, 3))
    assert Workload("w", "", graph).is_fan_out


def test_a_tree_gives_every_task_but_the_leaves_two_followers() -> None:
    assert workloads.binary_tree(7) == ((), (0,), (0,), (1,), (1,), (2,), (2,))


def test_a_grid_has_one_beginning_and_one_end() -> None:
    graph = workloads.grid(9)
    followed = {earlier for needed in graph for earlier in needed}
    assert [number for number, needed in enumerate(graph) if not needed] == [0]
    assert set(range(9)) - followed == {8}


def test_a_smaller_scale_is_said_in_the_name() -> None:
    scaled = workloads.all_workloads(0.1)
    assert len(scaled["fanout100"].graph) == 102
    assert scaled["mapped100"].tasks == 101
    assert scaled["runs10"].tasks == 100


def test_a_smaller_scale_keeps_every_workload_that_is_not_scaled() -> None:
    assert {"chain40", "long10", "fanout100"} <= set(workloads.all_workloads(0.5))


@pytest.mark.parametrize("name", ["chain40", "fanout100", "grid", "no_structure10"])
def test_pipelines_are_without_problems(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(dag_files.HELPER.parent))
    (tmp_path / "fleet.yaml").write_text("name: bench\n")
    (tmp_path / dag_files.HELPER.name).write_text(dag_files.HELPER.read_text())
    for file, text in dag_files.pipeline_files(ALL[name]).items():
        path = tmp_path / "pipelines" / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        assert read_and_check(path, environ={}).problems == ()


@pytest.mark.parametrize("name", ["grid", "mapped1000"])
def test_python_dags_say_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.syspath_prepend(str(dag_files.HELPER.parent))
    for file, text in dag_files.python_files(ALL[name]).items():
        (tmp_path / file).write_text(text)
    bag = DagBag(tmp_path, bundle_path=tmp_path, bundle_name="bench", safe_mode=False)
    assert bag.import_errors == {}
    dag = bag.dags[name]
    edges = {(task.task_id, later) for task in dag.tasks for later in task.downstream_task_ids}
    if ALL[name].mapped:
        assert edges == {("t0", "each")}
    else:
        assert edges == {(f"t{one}", f"t{n}") for n, needed in enumerate(ALL[name].graph) for one in needed}


def test_a_function_leaves_one_line_in_the_ledger(tmp_path: Path) -> None:
    environ = {"BENCH_LEDGER": str(tmp_path / "ledger"), "PYTHONPATH": str(dag_files.HELPER.parent)}
    command = "from bench_work import run_one; assert run_one('fibo', 10, 3, 'run') == 55"
    subprocess.run([sys.executable, "-c", command], env=environ, check=True)
    run, number, began, ended, _ = (tmp_path / "ledger").read_text().split("\t")
    assert (run, number) == ("run", "3")
    assert float(began) <= float(ended)
