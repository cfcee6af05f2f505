"""What goes on when an agent was killed, and what does not."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airfleet.agent import bootstrap
from airfleet.agent.cluster import incarnation, reattach
from airfleet.agent.cluster.quorum import FENCE_SECONDS
from airfleet.agent.cluster.reattach import NOTHING, Inheritance, ProcessRecord, inherit
from airfleet.drill.waiting import wait_until
from airfleet.events import Event
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.system import process_tree, procfs
from support.full_disk import full_disk
from support.survival import survives

#: says when it was asked to end, and goes on
WORKER = "trap 'touch {asked}' TERM; sleep 1000 & echo $!; while :; do sleep 0.05; done"
STAY = "echo here; while :; do sleep 0.05; done"
#: a new agent that hangs as soon as it has inherited
HEIR = """
import sys, time
from pathlib import Path
from airfleet.agent.cluster.reattach import inherit
from airfleet.fleet.planning.paths import Paths
inherited = inherit(Paths(home=Path(sys.argv[1]), runtime=Path(sys.argv[2])), "replace", float(sys.argv[3]))
time.sleep(1000)
"""
#: this moment, in seconds since the machine started
NOW = 5000.0


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    made = Paths(home=tmp_path / "home", runtime=tmp_path / "run")
    made.home.mkdir()
    made.runtime.mkdir()
    yield made
    bootstrap.end_leftovers(made, 0.0)


@dataclasses.dataclass
class Left:
    """What a killed agent has left: a worker with a child of it, and a scheduler."""

    worker: subprocess.Popen[str]
    child: int
    scheduler: subprocess.Popen[str]
    asked: Path


@contextmanager
def left(paths: Paths) -> Iterator[Left]:
    asked = paths.home / "asked"
    worker, scheduler = started(paths, WORKER.format(asked=asked)), started(paths, STAY)
    assert worker.stdout
    assert scheduler.stdout
    child = int(worker.stdout.readline())
    scheduler.stdout.readline()
    process_tree.write_down(paths.processes, {worker.pid: "worker", scheduler.pid: "scheduler"})
    try:
        yield Left(worker, child, scheduler, asked)
    finally:
        bootstrap.end_leftovers(paths, 0.0)
        for process in (worker, scheduler):
            process.wait()
            assert process.stdout
            process.stdout.close()


def started(paths: Paths, script: str) -> subprocess.Popen[str]:
    environ = {**os.environ, process_tree.MARK: fleet_id(paths.home), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        ["sh", "-c", script], env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def life(seconds_ago: float, boot: str = "b007") -> incarnation.Incarnation:
    return incarnation.of_now(boot, NOW - seconds_ago)


def close(inherited: Inheritance) -> None:
    if inherited.watchdog is not None:
        guard = inherited.watchdog.pid
        inherited.watchdog.close()
        if guard is not None:
            os.waitpid(guard, 0)


def test_a_worker_is_told_to_finish_and_stays_with_all_below_it_while_everything_else_ends(paths: Paths) -> None:
    with left(paths) as them:
        inherited = inherit(paths, None, NOW)
        assert [worker.pid for worker in inherited.workers] == [them.worker.pid]
        wait_until(them.asked.exists, 10, "the worker was told")
        assert them.scheduler.pid in bootstrap.end_leftovers(paths, 1.0, inherited.pids)
        assert not procfs.is_alive(them.scheduler.pid)
        assert survives(them.worker.pid)
        assert survives(them.child)


@pytest.mark.parametrize("policy", ["replace", "keep"])
def test_a_life_goes_on_while_its_lease_holds(paths: Paths, policy: str) -> None:
    incarnation.write_down(paths.boot, life(seconds_ago=2.0))
    with left(paths) as them:
        inherited = inherit(paths, policy, NOW)  # type: ignore[arg-type]
        try:
            assert inherited.incarnation == life(seconds_ago=2.0)
            assert [worker.pid for worker in inherited.workers] == [them.worker.pid]
            # where others may take over, a guard has its permission before anything else happens
            assert (inherited.watchdog is not None and inherited.watchdog.pid is not None) == (policy == "replace")
        finally:
            close(inherited)


def test_a_guard_ends_what_goes_on_when_the_lease_is_over_and_the_new_agent_hangs(paths: Paths) -> None:
    incarnation.write_down(paths.boot, life(seconds_ago=FENCE_SECONDS - 0.5))
    with left(paths) as them:
        heir = subprocess.Popen([sys.executable, "-c", HEIR, str(paths.home), str(paths.runtime), str(NOW)])
        try:
            wait_until(lambda: not procfs.is_alive(them.child), 10, "the guard has done its duty")
            assert survives(heir.pid)
        finally:
            heir.kill()
            heir.wait()


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(None, id="nothing was written down"),
        pytest.param(life(seconds_ago=FENCE_SECONDS + 0.1), id="the lease is too old"),
        pytest.param(dataclasses.replace(life(seconds_ago=1.0), machine="another"), id="the machine was restarted"),
    ],
)
def test_nothing_goes_on_when_others_may_have_taken_over(paths: Paths, kept: incarnation.Incarnation | None) -> None:
    if kept is not None:
        incarnation.write_down(paths.boot, kept)
    with left(paths) as them:
        assert inherit(paths, "replace", NOW) is NOTHING
        assert {them.worker.pid, them.child, them.scheduler.pid} <= set(bootstrap.end_leftovers(paths, 0.0))


def test_with_keep_nobody_takes_over_however_old_the_lease_is(paths: Paths) -> None:
    incarnation.write_down(paths.boot, life(seconds_ago=1000.0))
    inherited = inherit(paths, "keep", NOW)
    assert inherited.incarnation == life(seconds_ago=1000.0)


@pytest.mark.parametrize("text", ["", "b007", "{}", '{"boot": "b", "renewed_at": null, "machine": "m"}'])
def test_a_life_that_cannot_be_read_is_none(paths: Paths, text: str) -> None:
    paths.boot.write_text(text)
    assert incarnation.read_down(paths.boot) is None


def test_a_life_that_was_copied_with_its_home_is_none(paths: Paths, tmp_path: Path) -> None:
    incarnation.write_down(paths.boot, life(seconds_ago=1.0))
    assert incarnation.read_down(paths.boot) == life(seconds_ago=1.0)
    shutil.copytree(paths.home, tmp_path / "copy")
    assert incarnation.read_down(tmp_path / "copy" / paths.boot.name) is None


def test_a_life_that_ended_in_good_order_has_no_heir(paths: Paths) -> None:
    incarnation.write_down(paths.boot, life(seconds_ago=1.0))
    incarnation.forget(paths.boot)
    assert inherit(paths, "replace", NOW) is NOTHING
    incarnation.forget(paths.boot)


def test_nothing_is_inherited_where_nothing_was_left(paths: Paths) -> None:
    assert inherit(paths, None, NOW) == Inheritance()
    assert reattach.NOTHING.pids == frozenset()


def test_what_was_written_down_stays_until_the_disk_takes_something_again(tmp_path: Path) -> None:
    said: list[Event] = []
    now, file = [0.0], tmp_path / "processes.json"
    book = ProcessRecord(file, lambda event, **_: said.append(event), lambda: now[0])
    book.write({os.getpid(): "worker"})
    with full_disk():
        book.write({os.getppid(): "worker"})
        book.write({os.getppid(): "worker"})
    assert [kept.pid for kept in process_tree.read_down(file)] == [os.getpid()]
    assert (said, book.is_due) == ([Event.PROCESSES_UNWRITTEN], False)
    now[0] = reattach.AGAIN_SECONDS
    assert book.is_due
    book.write({os.getppid(): "worker"})
    assert [kept.pid for kept in process_tree.read_down(file)] == [os.getppid()]
    assert (said, book.is_due) == ([Event.PROCESSES_UNWRITTEN, Event.PROCESSES_WRITTEN], False)
