"""However a local run ends, nothing that it started survives, and its home is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from airfleet.errors import Stopped
from airfleet.pipelines.local import home as local_home
from airfleet.pipelines.local import runner

#: far above what it takes, so that a busy machine fails nothing
PATIENCE = 60.0

#: in place of Airflow: something in a session of its own, and a child that heeds no SIGTERM
WORK = """
import os, signal, subprocess, sys
from pathlib import Path
from airfleet.pipelines.local import guard as local_guard
home = Path(sys.argv[1])
local_guard.TERM_SECONDS = 0.2
events = int(sys.argv[2])
local_guard.fork_guarded(0, events, home)
os.set_inheritable(events, False)
if sys.argv[3] == "heeds":
    signal.signal(signal.SIGINT, lambda *_: (Path(home.parent / "interrupted").touch(), os._exit(130)))
else:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
subprocess.Popen(["sh", "-c", "trap '' TERM; echo $$ >> pids; while :; do sleep 0.1; done"], cwd=home.parent)
subprocess.Popen(["setsid", "sh", "-c", "echo $$ >> pids; sleep 1000"], cwd=home.parent, env={})
os.write(events, b"started")
if sys.argv[3] == "ends":
    while len((home.parent / "pids").read_text().split()) < 2:
        pass
    os._exit(7)
signal.pause()
"""


@dataclass
class Run:
    guard: subprocess.Popen[bytes]
    home: Path

    def pids(self) -> list[int]:
        return [int(pid) for pid in (self.home.parent / "pids").read_text().split()]

    def is_gone(self) -> bool:
        return not self.home.exists() and not any(Path(f"/proc/{pid}").exists() for pid in self.pids())


@contextmanager
def running(folder: Path, how: str = "heeds") -> Iterator[Run]:
    home = folder / "home"
    home.mkdir()
    (folder / "pids").touch()
    reader, writer = os.pipe()
    guard = subprocess.Popen(
        [sys.executable, "-c", WORK, str(home), str(writer), how],
        stdin=subprocess.PIPE,
        pass_fds=[writer],
        start_new_session=True,
    )
    os.close(writer)
    run = Run(guard, home)
    try:
        assert os.read(reader, 100) == b"started"
        until(lambda: len(run.pids()) == 2)
        yield run
        assert os.read(reader, 100) == b""  # the end of the events
    finally:
        os.close(reader)
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait(PATIENCE)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_the_guard_ends_everything(number: signal.Signals, tmp_path: Path) -> None:
    with running(tmp_path) as run:
        run.guard.send_signal(number)
        assert run.guard.wait(PATIENCE) == 130
        assert run.is_gone()
        assert (tmp_path / "interrupted").exists()


def test_the_death_of_who_holds_the_lifeline_ends_everything(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        assert run.guard.stdin is not None
        run.guard.stdin.close()  # as the kernel does for a process that is killed
        assert run.guard.wait(PATIENCE) == 130
        assert run.is_gone()


def test_the_end_of_airflow_ends_what_it_left_and_is_the_guards_end(tmp_path: Path) -> None:
    with running(tmp_path, "ends") as run:
        assert run.guard.wait(PATIENCE) == 7
        assert run.is_gone()


def test_a_guard_that_is_killed_takes_airflow_with_it(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        run.guard.kill()
    for pid in run.pids():  # whose home is in their environment, airflow's tasks, are ended by airfleet run
        os.kill(pid, signal.SIGKILL)


def test_what_heeds_nothing_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = WORK.replace("TERM_SECONDS = 0.2", "ON_KILL_SECONDS = local_guard.TERM_SECONDS = 0.2")
    monkeypatch.setattr(sys.modules[__name__], "WORK", quick)
    with running(tmp_path, "deaf") as run:
        run.guard.terminate()
        assert run.guard.wait(PATIENCE) == (-signal.SIGKILL) & 0xFF
        assert run.is_gone()


# --- homes


def test_a_home_is_gone_afterwards_and_locked_before() -> None:
    with local_home.made() as (home, _):
        local_home.remove_abandoned(home.parent)
        assert home.exists()
    assert not home.exists()


def test_homes_of_runs_of_which_nothing_lives_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    homes = {name: tmp_path / f"airfleet-run-{name}" for name in ("dead", "new", "old", "used", "other")}
    for home in homes.values():
        home.mkdir()
    (homes["dead"] / "lock").touch()
    (homes["other"] / "lock").touch()
    (homes["used"] / "lock").touch()
    os.utime(homes["old"], (0, 0))
    (tmp_path / "airfleet-run-link").symlink_to(tmp_path)
    (tmp_path / "airfleet-run-file").touch()
    sleeper = subprocess.Popen(["sleep", "1000"], env={"AIRFLOW_HOME": str(homes["used"]), "PATH": os.environ["PATH"]})
    until(lambda: sleeper.pid in local_home.processes(homes["used"]))
    lstat = Path.lstat

    def of_another_user(path: Path) -> os.stat_result:
        found = lstat(path)
        return os.stat_result([*found[:4], found.st_uid + 1, *found[5:]]) if path == homes["other"] else found

    monkeypatch.setattr(Path, "lstat", of_another_user)
    try:
        local_home.remove_abandoned(tmp_path)
    finally:
        sleeper.kill()
        sleeper.wait()
    monkeypatch.undo()
    left = {name for name, home in homes.items() if home.exists()}
    assert left == {"new", "used", "other"}
    assert (tmp_path / "airfleet-run-link").is_symlink()


# --- signals to airfleet run


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_is_raised_once_and_handled_as_before_afterwards(
    number: signal.Signals, code: int, request: pytest.FixtureRequest
) -> None:
    before = signal.signal(number, signal.SIG_DFL)  # whoever started the tests may have it ignored, as nohup does
    request.addfinalizer(lambda: signal.signal(number, before))
    with pytest.raises(Stopped) as stopped, runner.stopped_by_signals():
        try:
            os.kill(os.getpid(), number)
            time.sleep(PATIENCE)
        finally:
            os.kill(os.getpid(), number)  # while it is ended
    assert (stopped.value.exit_code, str(stopped.value)) == (code, f"ended by {number.name}")
    assert signal.getsignal(number) == signal.SIG_DFL


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with runner.stopped_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
