"""The Dags of experiments and drills, and the mix of runs that are asked for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from airfleet.drill import workload
from airfleet.drill.records import RunKey, TaskKey
from airfleet.drill.workload import DrillMix, Mix, RunRequest
from airfleet.pipelines.checks.pipeline_checks import read_and_check


def test_the_file_of_dags_is_python_and_has_every_dag() -> None:
    tree = ast.parse(workload.file())
    made = {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "DAG"
        and isinstance(call.args[0], ast.Constant)
    }
    assert made == set(workload.DAGS)


def test_the_pipeline_of_a_drill_has_no_problem(tmp_path: Path) -> None:
    file = tmp_path / "drill.yaml"
    file.write_text(workload.drill_pipeline("a queue"))
    checked = read_and_check(file, environ={})
    assert checked.problems == ()
    assert [pipeline.dag_id for pipeline in checked.pipelines] == [workload.DRILL]


def test_a_mix_is_the_same_at_the_same_tick_and_has_every_kind() -> None:
    mix = Mix()
    asked = [one for tick in range(40) for one in mix.at("x", tick)]
    assert asked == [one for tick in range(40) for one in mix.at("x", tick)]
    assert {one.dag_id for one in asked} == set(workload.DAGS) - {workload.TOLD}
    assert len({one.run for one in asked}) == len(asked)
    assert sum(one.conf["seconds"] == mix.long_seconds for one in asked) == 3


def test_what_is_asked_for_at_a_tick_is_steady_and_what_a_fault_needs_is_not() -> None:
    mix = Mix()
    asked = [one.run for tick in range(40) for one in mix.at("x-y", tick)]
    assert all(mix.is_steady("x-y", run) for run in asked)
    assert not mix.is_steady("x-y", RunKey(workload.ONE, "x-y-3-more-1"))
    assert not mix.is_steady("x-y", RunKey(workload.ONE, "another-3"))


@pytest.mark.parametrize("slots", [1, 4])
def test_a_drill_leaves_room_for_its_short_tasks(slots: int) -> None:
    mix = DrillMix("/folder", slots)
    asked = [one for tick in range(120) for one in mix.at("x", tick)]
    busy = sum(float(one.conf.get("seconds", 0)) for one in asked)
    assert sum(one.run_id.endswith(workload.LONG) for one in asked) > 3
    assert busy <= 120 * mix.tick_seconds * max(slots - 1, 0.5)
    assert {one.conf["witness"] for one in asked} == {"/folder"}


def test_a_run_says_what_has_to_become_of_it() -> None:
    chain = RunRequest(workload.CHAIN, "r")
    assert chain.must_end == {TaskKey(workload.CHAIN, "r", f"link{link}") for link in range(workload.LINKS)}
    assert len(RunRequest(workload.MAPPED, "r").must_end) == workload.MAPS
    fails = RunRequest(workload.ONE, "r", {"errors": 1})
    assert (fails.must_end, fails.callbacks) == (frozenset(), {TaskKey(workload.ONE, "r", "work")})
    assert RunRequest(workload.TOLD, "r").callbacks == {TaskKey(workload.TOLD, "r", "")}
