"""Which file, Dag or run a component works on, written down so that the agent can say what it died of.

A write of some bytes into a file that stays open, at every change: it costs microseconds, and is there when the process
was killed. What cannot be written down is not known; the component goes on.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

#: bytes of the file, whatever is in it
_BYTES = 1024


class Kind(StrEnum):
    """What a component may work on."""

    NOTHING = ""
    FILE = "file"
    DAG = "dag"
    RUN = "run"


@dataclass(frozen=True)
class Work:
    """What a component worked on."""

    kind: Kind = Kind.NOTHING
    name: str = ""


class CurrentWork:
    """The component's side."""

    def __init__(self, path: Path | None) -> None:
        self._descriptor = -1
        self._now = Work()
        with suppress(OSError):
            if path is not None:
                self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)

    def on(self, kind: Kind, name: str = "") -> None:
        """Write it down, when it is another one than before."""
        now = Work(kind, name)
        if now == self._now or self._descriptor < 0:
            return
        self._now = now
        words = json.dumps([os.getpid(), str(kind), name[: _BYTES // 8]]).encode()
        with suppress(OSError):
            os.pwrite(self._descriptor, words.ljust(_BYTES), 0)


def path_of(folder: Path, component: str) -> Path:
    """Where a component writes it."""
    return folder / f"{component}.work"


def of_this_process() -> CurrentWork:
    """Of the component that this process is; nothing is written down outside of a fleet."""
    name, home = os.environ.get("AIRFLEET_COMPONENT"), os.environ.get("AIRFLOW_HOME")
    return CurrentWork(path_of(Path(home), name) if name and home else None)


def read(path: Path, pid: int) -> Work:
    """What a process worked on last; nothing when it did not say."""
    with suppress(OSError, ValueError, TypeError):
        said, kind, name = json.loads(path.read_bytes()[: 2 * _BYTES].strip() or b"null")
        if said == pid:
            return Work(Kind(kind), str(name))
    return Work()
