"""Processes end with all that they started, and none begins meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.drill import killing
from airfleet.drill.waiting import wait_until
from airfleet.system import procfs

PARENT = """\
import subprocess, sys, time
child = "import os, time; os.write(1, 'up'.encode() + bytes([10])); time.sleep(60)"  # at once, not in two pieces
other = subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
subprocess.Popen([sys.executable, "-c", child])
time.sleep(60)
"""


@pytest.fixture
def family(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process with a child, and one more child in a session of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        assert parent.stdout
        assert [parent.stdout.readline() for _ in range(2)] == ["up\n"] * 2
        members = procfs.tree(parent.pid)
        yield parent
        for pid in members:
            procfs.send(pid, signal.SIGKILL)


def test_a_kill_takes_all_that_a_process_started(family: subprocess.Popen[str], tmp_path: Path) -> None:
    members = procfs.tree(family.pid)
    assert len(members) == 3
    assert killing.kill_all((family.pid,), tmp_path) == frozenset()
    assert family.wait(10) == -signal.SIGKILL
    wait_until(lambda: not any(map(procfs.is_alive, members)), 10, "all are gone")


def test_a_process_is_told_to_stop_and_waited_for_until_none_of_its_threads_goes_on() -> None:
    busy = "import threading\nfor _ in range(4): threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()"
    with subprocess.Popen([sys.executable, "-c", busy]) as process:
        try:
            wait_until(lambda: len(os.listdir(f"/proc/{process.pid}/task")) == 5, 10, "the threads are there")
            for _ in range(20):
                assert killing.stop_all(lambda: [process.pid]) == [process.pid]
                assert not procfs.goes_on(process.pid)
                procfs.send(process.pid, signal.SIGCONT)
                wait_until(lambda: procfs.goes_on(process.pid), 10, "it goes on")
        finally:
            process.kill()


def test_a_process_that_is_gone_has_no_family_and_cannot_be_hurt(tmp_path: Path) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    pid = int(gone.stdout)
    assert procfs.tree(pid) == ()
    procfs.send(pid, signal.SIGKILL)
    assert procfs.tree(os.getpid())[-1] >= os.getpid()
