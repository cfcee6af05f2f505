"""What components leave for their agent, and how often and how long it tells the database of the dead."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from airfleet.agent.recovery import job_fencing
from airfleet.agent.recovery.attempt_processes import ATTEMPT, MONITOR
from airfleet.agent.recovery.job_fencing import (
    AGAIN_SECONDS,
    BUSY_LOOKS,
    BUSY_SECONDS,
    QUICK_LOOKS,
    QUIET_SECONDS,
    JobFencing,
)
from airfleet.agent.recovery.orphans import LookResult
from airfleet.drill.waiting import wait_until
from airfleet.events import Event
from airfleet.metadata.lost_attempts import REPORT, RUNNING_HERE, WORKER_GONE
from airfleet.spool import job_marks
from airfleet.spool.job_marks import JobMark
from support.attempt_database import AttemptDatabase
from support.titled import titled

# --- what is told ----------------------------------------------------------------------------------------------------


class Database:
    """Answers each statement with one row, or not at all while it is ``away``."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[Any] = []

    def rows(self, query: str, parameters: Any) -> list[tuple[Any, ...]]:
        if self.away:
            raise psycopg.OperationalError("the server is away")
        self.asked.append((query, parameters))
        return [(1,)]


class Lookout:
    """Finds what a test says."""

    def __init__(self) -> None:
        self.found = LookResult(0)
        self.watched: Collection[int] = ()

    def look(self) -> LookResult:
        return self.found


@pytest.fixture
def said() -> list[Event]:
    return []


@pytest.fixture
def make(tmp_path: Path, said: list[Event]) -> Iterator[Callable[[], tuple[JobFencing, Database, Lookout]]]:
    made: list[JobFencing] = []

    def new() -> tuple[JobFencing, Database, Lookout]:
        database, lookout = Database(), Lookout()
        one = JobFencing(database, "here", tmp_path, lambda event, **_: said.append(event))
        one._orphans = lookout  # type: ignore[assignment]
        made.append(one)
        return one, database, lookout

    yield new
    for one in made:
        one.close()


Make = Callable[[], tuple[JobFencing, Database, Lookout]]


def test_the_agent_looks_more_often_while_something_runs_and_for_a_while_after_a_death(make: Make) -> None:
    one, _, _ = make()
    assert one._pause(0) == QUIET_SECONDS
    assert one._pause(1) == BUSY_SECONDS
    one._quick_looks = QUICK_LOOKS
    assert [one._pause(1) for _ in range(QUICK_LOOKS)] == [*[AGAIN_SECONDS] * (QUICK_LOOKS - 1), BUSY_SECONDS]
    one._quick_looks = QUICK_LOOKS
    assert [one._pause(0) for _ in range(BUSY_LOOKS)] == [*[BUSY_SECONDS] * (BUSY_LOOKS - 1), QUIET_SECONDS]
    assert one._pause(0) == QUIET_SECONDS


def test_what_the_database_cannot_hear_is_said_again_sooner_than_a_look_is_taken_again(make: Make) -> None:
    one, database, _ = make()
    database.away = True
    one._unsaid = [lambda: one._fence(JobMark("scheduler", 1, 3))]
    assert one._say_and_look() == AGAIN_SECONDS
    one._unsaid = []
    one._orphans.look = lambda: database.rows("", ())  # type: ignore[assignment, method-assign, return-value]
    assert one._say_and_look() == BUSY_SECONDS


def test_lost_attempts_are_in_the_log_when_there_are_some(make: Make, said: list[Event]) -> None:
    one, _, lookout = make()
    lookout.found = LookResult(2, 0)
    assert one._say_and_look() == BUSY_SECONDS
    assert said == []
    lookout.found = LookResult(2, 1)
    one._say_and_look()
    assert said == [Event.ATTEMPTS_LOST]


def test_of_a_component_that_left_no_word_nothing_is_said(make: Make) -> None:
    one, _, _ = make()
    one.died("scheduler", "scheduler", 1)
    assert one._words.empty()


def test_a_fence_leaves_what_a_successor_wrote_down_meanwhile(make: Make, tmp_path: Path) -> None:
    one, database, _ = make()
    successor = JobMark("scheduler", 2, 4)
    job_marks.write_job(tmp_path, successor)
    one._fence(JobMark("scheduler", 1, 3))
    assert database.asked == [(job_fencing.FENCE, (3,))]
    assert job_marks.read_job(tmp_path, "scheduler") == successor
    one._fence(successor)
    assert list(tmp_path.iterdir()) == []


def test_the_thread_ends_with_its_descriptors_and_keeps_no_process_from_its_end(make: Make) -> None:
    never_started, _, _ = make()
    never_started.close()
    one, _, lookout = make()
    with subprocess.Popen(["sleep", "60"]) as child:
        lookout.found, lookout.watched = LookResult(1), [child.pid]
        assert one._thread.daemon
        one.start()
        wait_until(lambda: one._watched, 10, "the process is watched", pause_seconds=0.01)
        (descriptor,) = one._watched.values()
        one.close()
        assert not one._thread.is_alive()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
        child.kill()


def test_only_the_process_that_died_is_watched_no_more(make: Make) -> None:
    one, _, _ = make()
    with subprocess.Popen(["sleep", "60"]) as dies, subprocess.Popen(["sleep", "60"]) as lives:
        one._heed([dies.pid, lives.pid])
        dies.kill()
        assert one._wait(10.0)
        assert (set(one._watched), one._quick_looks) == ({lives.pid}, QUICK_LOOKS)
        os.close(one._watched.pop(lives.pid))
        lives.kill()


# --- a thread that looks ----------------------------------------------------------------------------------------


@pytest.fixture
def begin(tmp_path: Path, said: list[Event]) -> Iterator[Callable[[AttemptDatabase], JobFencing]]:
    made: list[JobFencing] = []

    def start(database: AttemptDatabase) -> JobFencing:
        made.append(JobFencing(database, "here", tmp_path, lambda event, **_: said.append(event)))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.close()


def dead() -> int:
    """The number of a process that has ended."""
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def test_the_job_of_a_dead_component_is_marked_once_and_its_file_is_gone(
    tmp_path: Path, begin: Callable[[AttemptDatabase], JobFencing], said: list[Event]
) -> None:
    database, pid = AttemptDatabase(), os.getpid()
    one = begin(database)
    job_marks.write_job(tmp_path, JobMark("scheduler", pid, 17))
    one.died("scheduler", "scheduler", pid)
    wait_until(lambda: database.told(job_fencing.FENCE), 5, "it is told", pause_seconds=0.01)
    wait_until(lambda: job_marks.read_job(tmp_path, "scheduler") is None, 5, "the file is gone", pause_seconds=0.01)
    assert database.told(job_fencing.FENCE) == [(17,)]
    assert said == [Event.JOB_FENCED]


def test_what_a_successor_wrote_down_is_not_taken_for_the_dead_one(
    tmp_path: Path, begin: Callable[[AttemptDatabase], JobFencing]
) -> None:
    database = AttemptDatabase()
    one = begin(database)
    job_marks.write_job(tmp_path, JobMark("scheduler", os.getpid(), 18))
    one.died("scheduler", "scheduler", dead())
    one.died("api-server", "api-server", os.getpid())  # has no job
    one.died("worker", "worker", dead())
    wait_until(lambda: database.told(WORKER_GONE), 5, "the worker's death is told", pause_seconds=0.01)
    assert database.told(job_fencing.FENCE) == []
    assert job_marks.read_job(tmp_path, "scheduler") == JobMark("scheduler", os.getpid(), 18)


def test_what_a_dead_agent_could_not_say_is_said_by_the_next_one(
    tmp_path: Path, begin: Callable[[AttemptDatabase], JobFencing]
) -> None:
    job_marks.write_job(tmp_path, JobMark("scheduler", dead(), 3))
    job_marks.write_job(tmp_path, JobMark("triggerer", os.getpid(), 4))
    (tmp_path / "broken.job").write_text("{")
    database = AttemptDatabase()
    begin(database)
    wait_until(lambda: database.told(job_fencing.FENCE), 5, "it is told", pause_seconds=0.01)
    wait_until(lambda: database.told(RUNNING_HERE), 5, "attempts are looked at", pause_seconds=0.01)
    assert database.told(job_fencing.FENCE) == [(3,)]


def test_what_the_database_cannot_hear_is_said_when_it_is_back(
    tmp_path: Path, begin: Callable[[AttemptDatabase], JobFencing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_fencing, "AGAIN_SECONDS", 0.02)
    database = AttemptDatabase()
    database.away = True
    one = begin(database)
    job_marks.write_job(tmp_path, JobMark("triggerer", os.getpid(), 5))
    one.died("triggerer", "triggerer", os.getpid())
    wait_until(lambda: one._unsaid, 5, "it was tried", pause_seconds=0.01)
    database.away = False
    wait_until(lambda: database.told(job_fencing.FENCE), 5, "it is told", pause_seconds=0.01)
    assert database.told(job_fencing.FENCE) == [(5,)]


def test_an_error_that_nobody_expected_is_said_once_and_the_thread_goes_on(
    tmp_path: Path, begin: Callable[[AttemptDatabase], JobFencing], monkeypatch: pytest.MonkeyPatch, said: list[Event]
) -> None:
    monkeypatch.setattr(job_fencing, "BUSY_SECONDS", 0.02)
    monkeypatch.setattr(job_fencing, "QUIET_SECONDS", 0.02)
    database = AttemptDatabase()
    looks: list[int] = []

    def surprise(gone: Any, running: Any) -> tuple[str, ...]:
        looks.append(1)
        "東京".encode("latin-1")
        return ()

    one = begin(database)
    one._orphans.relay = surprise
    one._put(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    wait_until(lambda: len(looks) >= 3, 5, "it looks again and again", pause_seconds=0.01)
    one._orphans.relay = lambda gone, running: ()
    job_marks.write_job(tmp_path, JobMark("triggerer", os.getpid(), 6))
    one.died("triggerer", "triggerer", os.getpid())
    wait_until(lambda: database.told(job_fencing.FENCE) == [(6,)], 5, "the dead are told of", pause_seconds=0.01)
    assert said[:2] == [Event.SURPRISED, Event.SURPRISED]  # one of each
    assert said.count(Event.SURPRISED) <= 3


@pytest.mark.parametrize("kind", [MONITOR, ATTEMPT])
def test_the_death_of_a_monitor_or_of_an_attempt_without_one_makes_the_agent_look_at_once(
    kind: str, begin: Callable[[AttemptDatabase], JobFencing], monkeypatch: pytest.MonkeyPatch, said: list[Event]
) -> None:
    monkeypatch.setattr(job_fencing, "BUSY_SECONDS", 60.0)
    attempt = str(uuid4())
    database = AttemptDatabase([(attempt, 2**22 + 1, False, 0.0)])
    with titled(f"{kind}{attempt}") as pid:
        one = begin(database)
        wait_until(lambda: one._watched, 5, "the process is known", pause_seconds=0.01)
        assert database.told(REPORT) == []
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: database.told(REPORT), 5, "the attempt is reported", pause_seconds=0.01)
    wait_until(lambda: said, 5, "it is in the log", pause_seconds=0.01)
    assert set(said) == {Event.ATTEMPTS_LOST}
