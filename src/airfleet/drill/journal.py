"""What tasks of an experiment do: write down that they started, that they live and that they ended, and nothing else.

Each line is one write that is on disk before the task goes on. There is a file for each host, so that no two write into
one; a last line that was cut off by a power failure is left out when they are read.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from airfleet.drill.records import Note, NoteKind, TaskKey

#: names the folder of the files, for tasks; a run's conf may name another as ``witness``
FOLDER = "WITNESS_FOLDER"


class PlannedError(Exception):
    """The error that a task raises because it was told to."""


def work(
    seconds: float = 0.0, beat_seconds: float = 1.0, raise_until_try: int = 0, until: Path | None = None, *, ti: Any
) -> None:
    """Run for some seconds, or until that file is there, telling so. Raises PlannedError in each try up to
    ``raise_until_try``.

    ``ti`` is the task instance, which Airflow gives to a callable that asks for it by name.
    """
    write(NoteKind.START, ti)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not (until and until.exists()):
        time.sleep(min(left, beat_seconds))
        write(NoteKind.BEAT, ti)
    if ti.try_number <= raise_until_try:
        write(NoteKind.RAISED, ti)
        raise PlannedError(f"try {ti.try_number} was to fail")
    write(NoteKind.END, ti)


def work_from_conf(*, ti: Any, dag_run: Any) -> None:
    """Run as long as the conf of the run says, and raise in as many tries as it says (``errors``).

    That is for some ``seconds``, or less: ``until`` a file is there.
    """
    conf = dag_run.conf or {}
    if folder := conf.get("witness"):
        os.environ[FOLDER] = str(folder)
    until = Path(conf["until"]) if "until" in conf else None
    work(float(conf.get("seconds", 0.0)), raise_until_try=int(conf.get("errors", 0)), until=until, ti=ti)


def write_callback(context: Mapping[str, Any]) -> None:
    """A callback of a task, for ``on_success_callback`` and its like."""
    write(NoteKind.CALLBACK, context["ti"])


def write_run_callback(context: Mapping[str, Any]) -> None:
    """A callback of a Dag: a line about a task without a name."""
    run = context["dag_run"]
    _write_line(NoteKind.CALLBACK, (run.dag_id, run.run_id, "", -1), "", 0)


def write(event: NoteKind, ti: Any) -> None:
    """Append one line about a task instance."""
    map_index = ti.map_index if ti.map_index is not None else -1
    _write_line(event, (ti.dag_id, ti.run_id, ti.task_id, map_index), str(ti.id), ti.try_number)


def _write_line(event: NoteKind, task: tuple[str, str, str, int], attempt: str, try_number: int) -> None:
    host = socket.gethostname()
    line = {
        "event": event.value,
        "task": list(task),
        "attempt": attempt,
        "try_number": try_number,
        "host": host,
        "pid": os.getpid(),
        "at": time.monotonic(),
    }
    append(Path(os.environ[FOLDER]) / f"{host}.jsonl", line)


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line to a file, and return when it is on disk."""
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(number, (json.dumps(line) + "\n").encode())
        os.fsync(number)
    finally:
        os.close(number)


def read(folder: Path) -> tuple[Note, ...]:
    """What all hosts wrote, in order of time."""
    notes = (note for path in sorted(folder.glob("*.jsonl")) for note in _notes(path))
    return tuple(sorted(notes, key=lambda note: note.at))


def _notes(path: Path) -> Iterator[Note]:
    for text in path.read_text().split("\n")[:-1]:
        line = json.loads(text)
        yield Note(
            event=NoteKind(line["event"]),
            task=TaskKey(*line["task"]),
            attempt=line["attempt"],
            try_number=line["try_number"],
            host=line["host"],
            pid=line["pid"],
            at=line["at"],
        )
