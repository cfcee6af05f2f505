"""The file, Dag or run that a component works on, recorded so that its agent can name it when the component dies.

At every change the component writes some bytes into a file that stays open. That takes microseconds, and the bytes
outlive a kill. Where the write fails, the agent names nothing and the component goes on.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

#: size of the file in bytes; shorter records are padded
_BYTES = 1024


class Kind(StrEnum):
    """The kinds of things that a component works on."""

    NOTHING = ""
    FILE = "file"
    DAG = "dag"
    RUN = "run"


@dataclass(frozen=True)
class WorkItem:
    """One thing that a component works on."""

    kind: Kind = Kind.NOTHING
    name: str = ""


class CurrentWork:
    """The component's side: one open file, rewritten at every change."""

    def __init__(self, path: Path | None) -> None:
        self._descriptor = -1
        self._now = WorkItem()
        with suppress(OSError):
            if path is not None:
                self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)

    def on(self, kind: Kind, name: str = "") -> None:
        """Record the item unless it is the same as before."""
        now = WorkItem(kind, name)
        if now == self._now or self._descriptor < 0:
            return
        self._now = now
        words = json.dumps([os.getpid(), str(kind), name[: _BYTES // 8]]).encode()
        with suppress(OSError):
            os.pwrite(self._descriptor, words.ljust(_BYTES), 0)


def path_of(folder: Path, component: str) -> Path:
    """Name the file of a component."""
    return folder / f"{component}.work"


def of_this_process() -> CurrentWork:
    """Open the file of this process; a process outside of a fleet records nothing."""
    name, home = os.environ.get("AIRFLEET_COMPONENT"), os.environ.get("AIRFLOW_HOME")
    return CurrentWork(path_of(Path(home), name) if name and home else None)


def read(path: Path, pid: int) -> WorkItem:
    """Read the last item of a process; of kind NOTHING where it recorded none."""
    with suppress(OSError, ValueError, TypeError):
        said, kind, name = json.loads(path.read_bytes()[: 2 * _BYTES].strip() or b"null")
        if said == pid:
            return WorkItem(Kind(kind), str(name))
    return WorkItem()
