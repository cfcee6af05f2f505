"""What tasks write down about themselves can be read again, whatever cut them off."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from airfleet.drill import journal
from airfleet.drill.records import NoteKind, TaskKey
from airfleet.drill.waiting import wait_until
from airfleet.drill.workload import Mix


@dataclass
class Instance:
    """The part of a task instance that is written down."""

    dag_id: str = "d"
    run_id: str = "r"
    task_id: str = "t"
    map_index: int = -1
    id: str = "0190"
    try_number: int = 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(journal.FOLDER, str(tmp_path))
    return tmp_path


def test_a_task_tells_that_it_starts_lives_and_ends(folder: Path) -> None:
    journal.work(seconds=0.02, beat_seconds=0.01, ti=Instance())
    notes = journal.read(folder)
    first, *beats, last = (note.event for note in notes)
    assert (first, set(beats), last) == (NoteKind.START, {NoteKind.BEAT}, NoteKind.END)
    assert {(n.task, n.attempt, n.try_number) for n in notes} == {(TaskKey("d", "r", "t"), "0190", 1)}
    assert {(n.host, n.pid) for n in notes} == {(socket.gethostname(), os.getpid())}
    assert [note.at for note in notes] == sorted(note.at for note in notes)


def test_a_task_raises_as_often_as_it_is_told(folder: Path) -> None:
    for tried in (1, 2):
        with pytest.raises(journal.PlannedError):
            journal.work(raise_until_try=2, ti=Instance(try_number=tried))
    journal.work(raise_until_try=2, ti=Instance(try_number=3))
    assert [n.event for n in journal.read(folder) if n.event != NoteKind.START] == [
        NoteKind.RAISED,
        NoteKind.RAISED,
        NoteKind.END,
    ]


def test_a_callback_is_told(folder: Path) -> None:
    journal.write_callback({"ti": Instance(map_index=4)})
    (note,) = journal.read(folder)
    assert (note.event, note.task.map_index) == (NoteKind.CALLBACK, 4)


@dataclass
class DagRun:
    """The part of a run that is asked."""

    conf: dict[str, object]
    dag_id: str = "d"
    run_id: str = "r"


def test_a_run_says_in_its_conf_what_its_task_does_and_where_it_tells(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = DagRun({"witness": str(elsewhere), "errors": 1})
    with pytest.raises(journal.PlannedError):
        journal.work_from_conf(ti=Instance(), dag_run=run)
    journal.work_from_conf(ti=Instance(try_number=2), dag_run=run)
    assert journal.read(tmp_path) == ()
    assert [n.event for n in journal.read(elsewhere)] == [
        NoteKind.START,
        NoteKind.RAISED,
        NoteKind.START,
        NoteKind.END,
    ]


def test_a_task_goes_on_until_a_file_is_there(folder: Path) -> None:
    end = folder / "end"
    run = DagRun({"seconds": 60, "until": str(end)})
    working = threading.Thread(target=journal.work_from_conf, kwargs={"ti": Instance(), "dag_run": run})
    working.start()
    wait_until(lambda: [n for n in journal.read(folder) if n.event == NoteKind.BEAT], 10, "it goes on")
    end.touch()
    working.join(10)
    assert not working.is_alive()
    assert journal.read(folder)[-1].event == NoteKind.END


def test_the_error_of_an_experiment_comes_in_the_try_that_replaces_a_lost_one_too(folder: Path) -> None:
    asked = [one for tick in range(20) for one in Mix().at("x", tick) if one.conf.get("errors")]
    assert asked
    for one in asked:
        for tried in (1, 2, 5):  # no retry, but each lost attempt is followed by a further try
            with pytest.raises(journal.PlannedError):
                journal.work_from_conf(ti=Instance(try_number=tried), dag_run=DagRun({**one.conf, "seconds": 0}))


def test_a_run_without_conf_is_a_task_that_ends_at_once(folder: Path) -> None:
    journal.work_from_conf(ti=Instance(), dag_run=DagRun({}))
    assert [n.event for n in journal.read(folder)] == [NoteKind.START, NoteKind.END]


def test_the_callback_of_a_run_is_told_of_a_task_without_a_name(folder: Path) -> None:
    journal.write_run_callback({"dag_run": DagRun({})})
    [note] = journal.read(folder)
    assert (note.event, note.task) == (NoteKind.CALLBACK, TaskKey("d", "r", ""))


def test_a_line_that_was_cut_off_is_left_out(folder: Path) -> None:
    journal.write(NoteKind.START, Instance())
    path = next(folder.glob("*.jsonl"))
    path.write_text(path.read_text() + '{"event": "en')
    assert [note.event for note in journal.read(folder)] == [NoteKind.START]


def test_lines_of_all_hosts_are_in_order_of_time(folder: Path) -> None:
    journal.write(NoteKind.START, Instance())
    (folder / f"{socket.gethostname()}.jsonl").rename(folder / "zzz.jsonl")
    journal.write(NoteKind.END, Instance())
    (folder / f"{socket.gethostname()}.jsonl").rename(folder / "aaa.jsonl")
    assert [note.event for note in journal.read(folder)] == [NoteKind.START, NoteKind.END]
