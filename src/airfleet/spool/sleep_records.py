"""Records of components that have ended because they had nothing to do, for the agent of their host.

A component writes its record as its last act, and ends with exit code 0. The agent takes a record for true only if it
has the pid of the process that ended. The next process of the component may read what the one before has noted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airfleet.file_stamps import Stamp


@dataclass(frozen=True)
class SleepRecord:
    """The end of one process for want of work."""

    component: str
    pid: int
    #: seconds after which it has something to do again; None where only an event tells
    due_seconds: float | None = None
    #: files and folders, by path, whose change wakes it; None for one that is not there
    stamps: Mapping[str, Stamp | None] = field(default_factory=dict)


def write(folder: Path, record: SleepRecord, notes: Any = None) -> None:
    """Write a record, and notes for the next process (any JSON). Raises OSError."""
    told = {"pid": record.pid, "due_seconds": record.due_seconds, "stamps": dict(record.stamps)}
    _replace(_notes_file(folder, record.component), json.dumps(notes))
    _replace(_file(folder, record.component), json.dumps(told))


def read(folder: Path, component: str) -> SleepRecord | None:
    """Read the record of a component; None where it has left none that can be read."""
    try:
        found = json.loads(_file(folder, component).read_text())
        due, stamps = found["due_seconds"], found["stamps"]
        return SleepRecord(
            component,
            int(found["pid"]),
            None if due is None else float(due),
            {path: None if seen is None else (seen[0], seen[1], seen[2]) for path, seen in stamps.items()},
        )
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None


def take_notes(folder: Path, component: str) -> Any:
    """Read the notes of the process before, once; None where there are none."""
    file = _notes_file(folder, component)
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    finally:
        with suppress(OSError):
            file.unlink()


def forget(folder: Path, component: str) -> None:
    """Remove the record of a component."""
    with suppress(OSError):
        _file(folder, component).unlink()


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)  # a link would be followed
    with open(draft, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    os.replace(draft, path)


def _file(folder: Path, component: str) -> Path:
    return folder / f"{component}.sleep"


def _notes_file(folder: Path, component: str) -> Path:
    return folder / f"{component}.notes"
