"""The journal of tasks: each writes that it started, that it lives and that it ended, and does nothing else.

Each line is one write that is on disk before the task goes on. Each host has a file of its own, so that no two write
into one. A reader leaves out a last line that a power failure cut off.
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

#: environment variable with the folder of the journals; the conf of a run may name another as ``witness``
FOLDER = "WITNESS_FOLDER"


class PlannedError(Exception):
    """The error that a task raises because its run asks for it."""


def work(
    seconds: float = 0.0, beat_seconds: float = 1.0, raise_until_try: int = 0, until: Path | None = None, *, ti: Any
) -> None:
    """Run for some seconds, or until a file is there, and write a note at each beat.

    ``ti`` is the task instance, which Airflow gives to a callable that asks for it by name. Raises PlannedError in each
    try up to ``raise_until_try``.
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
    """Run as the conf of the run says: for ``seconds``, or ``until`` a file is there, with ``errors`` failing tries."""
    conf = dag_run.conf or {}
    if folder := conf.get("witness"):
        os.environ[FOLDER] = str(folder)
    until = Path(conf["until"]) if "until" in conf else None
    work(float(conf.get("seconds", 0.0)), raise_until_try=int(conf.get("errors", 0)), until=until, ti=ti)


def write_callback(context: Mapping[str, Any]) -> None:
    """Write that a callback of a task ran, as ``on_success_callback`` and its like."""
    write(NoteKind.CALLBACK, context["ti"])


def write_run_callback(context: Mapping[str, Any]) -> None:
    """Write that a callback of a Dag ran: a note about a task without a name."""
    run = context["dag_run"]
    _write_line(NoteKind.CALLBACK, (run.dag_id, run.run_id, "", -1), "", 0)


def write(event: NoteKind, ti: Any) -> None:
    """Append one note about a task instance."""
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
    """Read the notes of all hosts, in order of time."""
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
