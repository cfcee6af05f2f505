"""Attempts without a process, by the rows of the database and the titles of processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from airfleet.agent.recovery import attempt_processes
from airfleet.agent.recovery.attempt_processes import ATTEMPT, CLOCK_SECONDS, MONITOR, AttemptProcesses, AttemptRow
from airfleet.drill.waiting import wait_until
from airfleet.system import procfs
from support.titled import titled

ONE, OTHER = "0199aaaa-0000-7000-8000-000000000001", "0199bbbb-0000-7000-8000-000000000002"


def seen(monitors: Sequence[str] = (), attempts: Sequence[str] = (), started: dict[int, float] | None = None) -> Any:
    return AttemptProcesses(dict.fromkeys(monitors, 11), dict.fromkeys(attempts, 12), started or {})


# --- who is lost ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "found",
    [
        seen(monitors=[ONE]),
        seen(attempts=[ONE]),
        seen(monitors=[ONE[:20]]),  # there was no room for all of the title
        seen(started={7: 100.0}),  # it has not taken its title yet
        seen(started={7: 100.0 + CLOCK_SECONDS}),
    ],
)
def test_an_attempt_with_a_process_is_not_lost(found: AttemptProcesses) -> None:
    assert attempt_processes.lost([AttemptRow(ONE, pid=7, beat=100.0)], found) == ()


@pytest.mark.parametrize(
    "found",
    [
        seen(),
        seen(monitors=[OTHER], attempts=[OTHER]),
        seen(started={7: 110.0}),  # another process has got its number since
        seen(started={8: 90.0}),
    ],
)
def test_an_attempt_without_a_process_is_lost(found: AttemptProcesses) -> None:
    row = AttemptRow(ONE, pid=7, beat=100.0)
    assert attempt_processes.lost([row], found) == (row,)


def test_a_cleared_attempt_is_known_by_its_number_alone_as_its_processes_have_its_old_id() -> None:
    row = AttemptRow(ONE, pid=7, restarting=True, beat=100.0)
    assert attempt_processes.lost([row], seen(started={7: 90.0})) == ()
    assert attempt_processes.lost([row], seen()) == (row,)


def test_a_cleared_attempt_is_not_lost_for_a_clock_that_went_back_while_it_ran() -> None:
    cleared, other = AttemptRow(ONE, pid=12, restarting=True, beat=100.0), AttemptRow(OTHER, pid=12)
    under_its_old_id = seen(attempts=["0199cccc-0000-7000-8000-000000000003"], started={12: 220.0})
    assert attempt_processes.lost([cleared, other], under_its_old_id) == (other,)
    assert attempt_processes.lost([cleared, other], seen(attempts=[OTHER], started={12: 220.0})) == (cleared,)


def test_an_attempt_is_alone_without_its_monitor_only_if_it_runs_for_the_database() -> None:
    rows = [AttemptRow(ONE, pid=12)]
    assert attempt_processes.unmonitored(rows, seen(attempts=[ONE])) == {ONE: 12}
    assert attempt_processes.unmonitored(rows, seen(monitors=[ONE], attempts=[ONE])) == {}
    assert attempt_processes.unmonitored(rows, seen(attempts=[OTHER])) == {}


def test_a_monitor_that_stands_still_and_is_of_no_attempt_here_is_left_alone() -> None:
    found = AttemptProcesses({ONE: 11, OTHER: 12}, {}, {}, stopped=frozenset({11, 12}))
    assert attempt_processes.stopped_monitors([AttemptRow(ONE, pid=7)], found) == {11}


# --- titles ---


def a_process(proc: Path, pid: int, title: str, state: str = "S") -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "cmdline").write_bytes(title.encode() + b"\0\0")
    (proc / str(pid) / "stat").write_text(f"{pid} (a (b) c) {state} " + " ".join(["0"] * 18) + " 500 0")


def test_processes_are_known_by_their_titles_if_enough_of_the_id_is_left(tmp_path: Path) -> None:
    a_process(tmp_path, 1, f"{MONITOR}{ONE[:13]}")
    a_process(tmp_path, 2, f"{MONITOR}{ONE[:12]}")
    a_process(tmp_path, 3, f"{ATTEMPT}{OTHER}", "T")
    a_process(tmp_path, 4, f"{MONITOR}{OTHER}", "T")
    a_process(tmp_path, 5, "a program of somebody else with a long title")
    for pid, state in ((6, "Z"), (7, "X")):
        a_process(tmp_path, pid, "", state)
    (tmp_path / "8").mkdir()  # it has ended meanwhile
    (tmp_path / "a file that is no process").write_text("")
    found = attempt_processes.look_at_processes({3, 5, 6, 7, 8}, tmp_path)
    assert (found.monitors, found.attempts) == ({ONE[:13]: 1, OTHER: 4}, {OTHER: 3})
    assert (set(found.started), found.stopped) == ({3, 5}, {4})


def test_a_process_that_ends_by_a_signal_is_no_process_any_more() -> None:
    attempt = str(uuid4())
    with titled(f"{ATTEMPT}{attempt}") as pid:
        assert attempt_processes.look_at_processes({pid}).attempts[attempt] == pid
        assert attempt_processes.look_at_processes({pid}).started[pid] == pytest.approx(time.time(), abs=5.0)
        os.kill(pid, signal.SIGKILL)
        # Nobody has asked for its end yet: it is there, and runs no more.
        wait_until(lambda: not procfs.is_alive(pid), 5, "it has ended", pause_seconds=0.01)
        after = attempt_processes.look_at_processes({pid})
        assert (attempt in after.attempts, after.started) == (False, {})
