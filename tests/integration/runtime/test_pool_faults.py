"""What dies takes no more with it than it must: an attempt, a zygote, the pool, a monitor."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.system.procfs import is_alive
from support.acting import Acting, parent

#: from the end of an attempt's process to the end of its slot's work
SLOT_SECONDS = 1.0


@pytest.mark.parametrize(
    ("do", "said"),
    [
        ("leave 3", '"exit_code": 3'),
        ("kill SIGKILL", '"signal": -9'),
        ("crash", "Received SIGSEGV"),
        ("kill SIGABRT", '"signal": -6'),
    ],
    ids=["exit", "kill", "segv", "abort"],
)
def test_an_attempt_that_dies_fails_alone_and_its_log_says_how(
    acting: Acting, do: str, said: str, tmp_path: Path
) -> None:
    neighbour = acting.waiting("declared", tmp_path)
    assert neighbour.pids
    died = acting.act("declared", do)
    assert died.state() == "failed"
    assert said in died.log()
    neighbour.go_on()
    assert neighbour.state() == "success"
    assert acting.act("declared").state() == "success"


def test_an_attempt_that_asks_for_more_memory_than_its_worker_may_have_fails_alone(
    acting: Acting, tmp_path: Path
) -> None:
    neighbour, worker = acting.waiting("declared", tmp_path), acting.fleet.component("worker").pid
    assert neighbour.pids
    ate = acting.act("declared", "eat 1200")
    if acting.is_limited():
        assert ate.state() == "failed"
        assert '"signal": -9' in ate.log()
    else:  # no right to make control groups here
        assert ate.state() == "success"
    neighbour.go_on()
    assert neighbour.state() == "success"
    assert acting.fleet.component("worker").pid == worker


def test_an_attempt_that_leaves_without_a_word_fails_soon(acting: Acting) -> None:
    died = acting.act("declared", "leave 0")
    assert died.fleet.wait_for_run(died.dag, died.run, seconds=20) == "failed"


def test_an_attempt_fails_when_its_zygote_and_then_itself_is_killed(acting: Acting, tmp_path: Path) -> None:
    """Nobody is left who could tell its exit code."""
    task = acting.waiting("declared", tmp_path)
    pid, zygote = task.pids
    os.kill(zygote, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    assert task.state() == "failed"
    assert "exit code is not known" in task.log()


def test_a_slot_is_free_as_soon_as_its_task_has_ended(acting: Acting) -> None:
    known = len(acting.seconds_in_slot())
    task = acting.act("declared")
    assert task.state() == "success"
    wait_until(lambda: len(acting.seconds_in_slot()) > known, 10, "the worker says that its slot is free")
    assert acting.seconds_in_slot()[-1] < task.instance()["duration"] + SLOT_SECONDS


@pytest.mark.parametrize("dag", ["declared", "written"])
def test_a_task_goes_on_when_its_zygote_dies(acting: Acting, dag: str, tmp_path: Path) -> None:
    task = acting.waiting(dag, tmp_path)
    pid, zygote = task.pids
    os.kill(zygote, signal.SIGKILL)
    assert acting.act(dag).found()["parent"] != zygote
    assert is_alive(pid)
    task.go_on()
    assert task.state() == "success"
    assert "exit code" not in task.log()  # it has told it itself


def test_tasks_go_on_when_the_pool_dies_and_another_one_takes_its_place(acting: Acting, tmp_path: Path) -> None:
    task = acting.waiting("declared", tmp_path)
    _, zygote = task.pids
    pool = parent(zygote)
    os.kill(pool, signal.SIGKILL)
    found = acting.act("declared").found()
    assert parent(found["parent"]) not in (pool, 0)
    task.go_on()
    assert task.state() == "success"


def test_an_attempt_whose_monitor_dies_ends_and_its_task_runs_again(acting: Acting, tmp_path: Path) -> None:
    task = acting.waiting("declared", tmp_path)
    pid, zygote = task.pids
    worker = acting.fleet.component("worker").pid
    forks = parent(parent(zygote))  # the keeper: a child of the worker, like the monitors
    monitors = [one for one in acting.fleet.pids() if _parent(one) == worker and one != forks]
    assert monitors
    for monitor in monitors:
        os.kill(monitor, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), 10, "the attempt has ended")
    wait_until(lambda: task.pids[0] != pid, 30, "the task runs again")
    task.go_on()
    assert task.state() == "success"
    assert acting.act("declared").state() == "success"


def _parent(pid: int) -> int:
    try:
        return parent(pid)
    except OSError:
        return 0
