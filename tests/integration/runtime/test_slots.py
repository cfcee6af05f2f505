"""Slots of a worker that nobody gave a number of: forked when attempts are there, and gone when they are not needed."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.worker_slots import USUAL_SLOTS
from airfleet.system.procfs import is_alive
from airfleet.worker.slot_pool import IDLE_TITLE
from support.acting import Act, Acting, Waiting, acting_fleet, parent

#: more tasks than the usual machine of CI has cores
TASKS = 6
#: how much later an attempt may start because it has no slot yet, seconds; a third of a second on a quiet machine
FORK_SECONDS = 2.0
SECONDS = 30.0
MONITOR_TITLE = "airflow supervisor: "


@pytest.fixture(scope="module")
def acting() -> Iterator[Acting]:
    """A fleet whose worker has the default number of slots."""
    with acting_fleet("name: unsaid\ntriggerer: false\n") as made:
        yield made


def leader(acting: Acting) -> int:
    pid = acting.fleet.component("worker").pid
    assert pid is not None
    return pid


def slots(acting: Acting, title: str) -> list[int]:
    """The slots of the worker that does not drain, by title."""
    return [pid for pid in acting.processes(title) if is_alive(pid) and parent(pid) == leader(acting)]


def delay(act: Act) -> float:
    """The seconds from the message of an attempt to its start."""
    found = act.instance()
    queued, started = (dt.datetime.fromisoformat(found[key]) for key in ("queued_when", "start_date"))
    return (started - queued).total_seconds()


def test_a_first_attempt_has_a_slot_forked_soon_and_the_next_one_finds_it(acting: Acting) -> None:
    acting.act("declared").state()
    for pid in slots(acting, IDLE_TITLE):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not slots(acting, IDLE_TITLE), SECONDS, "the worker has no slot")
    cold = acting.act("declared")
    assert cold.state() == "success"
    (slot,) = wait_until(lambda: slots(acting, IDLE_TITLE), SECONDS, "the slot is idle")
    warm = acting.act("declared")
    assert warm.state() == "success"
    assert delay(cold) < delay(warm) + FORK_SECONDS
    assert wait_until(lambda: slots(acting, IDLE_TITLE), SECONDS, "the slot is idle") == [slot]


def test_tasks_that_wait_run_side_by_side_however_few_cores_there_are(acting: Acting, tmp_path: Path) -> None:
    tasks = waiting(acting, tmp_path, TASKS)
    assert len({task.pids[0] for task in tasks}) == TASKS
    assert len(slots(acting, MONITOR_TITLE)) == TASKS
    for task in tasks:
        task.go_on()
    assert {task.state() for task in tasks} == {"success"}


def test_plan_says_the_number_of_slots_and_its_reason(acting: Acting) -> None:
    (host,) = json.loads(acting.fleet.airfleet("plan", "-o", "json").stdout)["hosts"]
    (worker,) = (one for one in host["components"] if one["name"] == "worker")
    assert worker["change"] == "keep"
    assert worker["slots_by"] in ("default", "cores", "memory")
    if worker["slots_by"] == "default":
        assert worker["options"]["slots"] == str(USUAL_SLOTS)


def test_a_killed_leader_leaves_no_idle_slot_and_the_attempt_of_a_busy_one_ends_well(
    acting: Acting, tmp_path: Path
) -> None:
    tasks = waiting(acting, tmp_path, 2)
    tasks[0].go_on()
    assert tasks[0].state() == "success"
    idle = wait_until(lambda: slots(acting, IDLE_TITLE), SECONDS, "a slot is idle")
    (busy,) = slots(acting, MONITOR_TITLE)
    assert not connections(busy) & connections(leader(acting))
    killed = acting.fleet.kill("worker")
    wait_until(lambda: not any(map(is_alive, idle)), SECONDS, "the idle slots have ended")
    acting.fleet.wait_until_replaced("worker", killed, SECONDS)
    assert is_alive(busy)
    tasks[1].go_on()
    assert tasks[1].state() == "success"
    wait_until(lambda: not is_alive(busy), SECONDS, "the slot of the dead worker has ended")
    assert acting.act("declared").state() == "success"


def waiting(acting: Acting, folder: Path, count: int) -> list[Waiting]:
    """Tasks that run side by side."""
    folders = [folder / str(number) for number in range(count)]
    for one in folders:
        one.mkdir()
    tasks = [acting.waiting("declared", one) for one in folders]
    assert all(task.pids for task in tasks)
    return tasks


def connections(pid: int) -> set[str]:
    """The TCP connections of a process, as the kernel numbers them."""
    everybody = {line.split()[9] for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]}
    own = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            own.add(os.readlink(descriptor).removeprefix("socket:[").removesuffix("]"))
    return own & everybody
