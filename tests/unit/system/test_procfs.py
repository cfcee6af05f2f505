"""What is read of processes: state, family, arguments and environment; a process that is gone raises nothing."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.system import procfs
from airfleet.system.procfs import Stat


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a session and has one variable, and a second without a name."""
    with subprocess.Popen(["sleep", "1000"], env={"ONE": "a=b"}, start_new_session=True) as process:
        wait_until(lambda: procfs.arguments(process.pid).startswith("sleep"), 10, "it runs", pause_seconds=0.01)
        yield process
        process.kill()


@pytest.fixture
def gone() -> int:
    """The pid of a process that has ended and was reaped."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def put(proc: Path, pid: int, stat: str, cmdline: bytes = b"") -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_bytes(stat.encode("utf-8", "surrogateescape"))
    (proc / str(pid) / "cmdline").write_bytes(cmdline)


def line(name: str, state: str = "S", parent: int = 1, session: int = 5, started: int = 900) -> str:
    return f"7 ({name}) {state} {parent} 7 {session} " + "0 " * 15 + f"{started} 0"


@pytest.mark.parametrize("name", ["sleep", "a (b) c", ") R 3 3", "(", "half a letter \udce6\udc9d"])
def test_the_name_of_a_program_may_hold_anything(tmp_path: Path, name: str) -> None:
    put(tmp_path, 7, line(name))
    assert procfs.stat(7, tmp_path) == Stat(7, "S", parent=1, session=5, started=900)


@pytest.mark.parametrize(
    ("state", "has_ended", "is_stopped"),
    [("R", False, False), ("S", False, False), ("D", False, False), ("T", False, True), ("Z", True, False),
     ("X", True, False)],
)  # fmt: skip
def test_what_a_state_means(tmp_path: Path, state: str, has_ended: bool, is_stopped: bool) -> None:
    put(tmp_path, 7, line("a", state))
    found = procfs.stat(7, tmp_path)
    assert found
    assert (found.has_ended, found.is_stopped) == (has_ended, is_stopped)


def test_the_table_has_every_process_but_one_that_goes_meanwhile(tmp_path: Path) -> None:
    put(tmp_path, 7, line("a"))
    put(tmp_path, 8, line("b", "Z"))
    (tmp_path / "9").mkdir()
    (tmp_path / "meminfo").write_text("")
    assert {pid: found.state for pid, found in procfs.table(tmp_path).items()} == {7: "S", 8: "Z"}
    assert sorted(procfs.pids(tmp_path)) == [7, 8, 9]


def test_without_such_a_folder_there_is_no_process(tmp_path: Path) -> None:
    assert procfs.table(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("cmdline", "words", "arguments"),
    [
        (b"python\0-m\0airfleet.agent\0", [b"python", b"-m", b"airfleet.agent"], "python -m airfleet.agent"),
        (b"airflow worker -- 01a1\0\0\0", [b"airflow worker -- 01a1"], "airflow worker -- 01a1"),
        (b"", [], ""),
        (b"\xe6\0", [b"\xe6"], "\ufffd"),
    ],
)
def test_arguments_are_words_or_a_title(tmp_path: Path, cmdline: bytes, words: list[bytes], arguments: str) -> None:
    put(tmp_path, 7, line("a"), cmdline)
    assert (procfs.words(7, tmp_path), procfs.arguments(7, tmp_path)) == (words, arguments)


def test_a_process_that_lives(sleeper: subprocess.Popen[bytes]) -> None:
    pid = sleeper.pid
    found = procfs.stat(pid)
    assert found
    assert (found.parent, found.session, found.has_ended) == (os.getpid(), pid, False)
    assert procfs.table()[pid].started == found.started
    assert procfs.words(pid) == [b"sleep", b"1000"]
    assert procfs.environment(pid) == {"ONE": "a=b"}
    assert procfs.variables(pid) == [b"ONE=a=b"]
    assert procfs.is_alive(pid)
    assert pid in procfs.of_user(os.geteuid())
    assert pid not in procfs.of_user(os.geteuid() + 1)
    assert (procfs.works_in(pid, os.getcwd()), procfs.works_in(pid, "/proc")) == (True, False)
    assert procfs.tree(pid) == (pid,)


def test_a_process_that_only_waits_to_be_reaped_is_not_alive(sleeper: subprocess.Popen[bytes]) -> None:
    procfs.send(sleeper.pid, signal.SIGKILL)
    wait_until(lambda: not procfs.is_alive(sleeper.pid), 10, "it has ended", pause_seconds=0.01)
    found = procfs.stat(sleeper.pid)
    assert found
    assert found.has_ended
    assert procfs.tree(sleeper.pid) == ()


def test_a_process_that_stands_still(sleeper: subprocess.Popen[bytes]) -> None:
    procfs.send(sleeper.pid, signal.SIGSTOP)
    wait_until(lambda: not procfs.goes_on(sleeper.pid), 10, "it stands still", pause_seconds=0.01)
    assert procfs.table()[sleeper.pid].is_stopped
    assert procfs.is_alive(sleeper.pid)


def test_of_a_process_that_is_gone_nothing_is_known(gone: int) -> None:
    assert procfs.stat(gone) is None
    assert (procfs.words(gone), procfs.arguments(gone), procfs.variables(gone)) == ([], "", [])
    assert procfs.environment(gone) == {}
    assert not procfs.is_alive(gone)
    assert not procfs.goes_on(gone)
    assert not procfs.works_in(gone, "/")
    assert procfs.tree(gone) == ()
    procfs.send(gone, signal.SIGKILL)
