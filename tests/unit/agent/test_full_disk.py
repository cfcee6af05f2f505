"""A disk that takes nothing: neither an agent nor its components end because they cannot write something down."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from airfleet.agent.cluster import reattach
from airfleet.agent.cluster.reattach import ProcessRecord
from airfleet.agent.probes import component_probe
from airfleet.agent.probes.component_probe import ProbeSubject
from airfleet.agent.probes.database_connection import DatabaseConnection
from airfleet.agent.probes.results import WELL
from airfleet.events import Event
from airfleet.fleet.planning.plan import FileBeats
from airfleet.spool import job_marks
from airfleet.spool.job_marks import Job
from airfleet.system import process_tree
from airfleet.zygote import entrypoints
from support.toy_agent import Toy, program, toy

STAY = "while :; do sleep 0.05; done"


@contextmanager
def full_disk() -> Iterator[None]:
    """No file takes a byte in this block; everything else about files goes on."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_disk_of_these_tests_is_full(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(OSError, match="File too large"):
        (tmp_path / "file").write_text("one word")


# --- components ----------------------------------------------------------------------------------------------------


def test_a_component_says_which_job_is_its_own_and_is_found_when_it_is_dead(tmp_path: Path) -> None:
    for number in (1, 2):  # the second one in the place of the first
        with full_disk():
            job_marks.write_down(tmp_path, Job("scheduler", 2**22 + 1, number))
        assert job_marks.read_down(tmp_path, "scheduler") == Job("scheduler", 2**22 + 1, number)
    assert job_marks.of_the_dead(tmp_path, lambda pid: False) == (Job("scheduler", 2**22 + 1, 2),)
    job_marks.write_down(tmp_path, Job("scheduler", 2**22 + 1, 3))
    assert job_marks.read_down(tmp_path, "scheduler") == Job("scheduler", 2**22 + 1, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["scheduler.job"]


def test_a_worker_beats(tmp_path: Path) -> None:
    beat, now = tmp_path / "worker.beat", [0.0]
    beat.write_text("17")  # of the one before
    probe = FileBeats(str(beat), late_seconds=9.0)
    database = DatabaseConnection("postgresql://nobody@127.0.0.1:9/a")
    subject = ProbeSubject(os.getpid(), 0.0, database, ages=component_probe.FileAges(clock=lambda: now[0]))
    with full_disk():
        job_marks.beat(beat, os.getpid())
        assert component_probe.ask(probe, subject) == WELL
        now[0] = 10.0
        assert not component_probe.ask(probe, subject).well
        os.utime(beat, (1, 1), follow_symlinks=False)
        job_marks.beat(beat, os.getpid())
        assert component_probe.ask(probe, subject) == WELL
    job_marks.beat(beat, os.getpid())
    now[0] = 11.0
    assert component_probe.ask(probe, subject) == WELL


def test_a_worker_whose_beats_go_nowhere_says_so_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beat = entrypoints._Beat(tmp_path / "missing" / "worker.beat")
    beat()
    beat(sender="Celery says who")
    assert capsys.readouterr().err.count("is not told that this worker is well: ") == 1


def test_a_component_that_cannot_say_which_job_is_its_own_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLEET_COMPONENT", "scheduler")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "missing"))
    entrypoints._tell_job(Row(4))
    assert "the agent is not told which job this is: " in capsys.readouterr().err


@dataclass(frozen=True)
class Row:
    """One of the table of jobs."""

    id: int


# --- the agent -----------------------------------------------------------------------------------------------------


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


def test_an_agent_that_cannot_write_down_its_processes_goes_on() -> None:
    with toy(program("one", STAY)) as running:
        before = running.wait_for("one", "ready").pid
        assert before is not None
        in_the_way = running.paths.processes.with_suffix(".new")
        in_the_way.mkdir()
        os.kill(before, signal.SIGKILL)
        running.wait(lambda now: now.healthy and now.components[0].pid != before, "it was started again")
        assert any(line.startswith("the list of processes for the next") for line in running.log())
        in_the_way.rmdir()
        running.wait(lambda now: written(running) == {now.components[0].pid}, "it is written down")


def written(running: Toy) -> set[int]:
    return {kept.pid for kept in process_tree.read_down(running.paths.processes)}
