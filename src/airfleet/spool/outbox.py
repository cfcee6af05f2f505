"""How an attempt ended, on disk, for as long as no API takes it.

A monitor that cannot tell an outcome tries again until the API is back. If it is ended by force meanwhile (a worker
that did not drain in time, a kill, want of memory), the outcome would end with it, and the task would run again. So
before it waits it leaves the request here, and takes it away when it was answered::

    monitor ──request, fsync──> <airflow home>/untold/<id of the attempt>     mode 0600: it holds the attempt's token
                                      │
                  (monitor is gone) ──┴──> the agent of the host sends it when the API is back

Sending a request twice is safe: a state that is reached already is confirmed.

What fails: the disk takes nothing - the worker's log says so, and all is as it was without; the machine loses its
power - what was left is there when it is back, and is refused if the task was given to another host meanwhile.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from airfleet.spool import home

FOLDER = "untold"
_STATE = re.compile(r"task-instances/([0-9a-fA-F-]{36})/state")


@dataclass(frozen=True)
class Outcome:
    """A request that ends an attempt."""

    attempt: str
    body: str
    token: str = field(repr=False)
    #: which version of the execution API it is written for
    version: str = ""

    @property
    def path(self) -> str:
        """Below the address of the execution API."""
        return f"task-instances/{self.attempt}/state"


def folder(environ: Mapping[str, str]) -> Path | None:
    """Where a process leaves them; None where no agent would find them."""
    found = home.looked_after(environ)
    return found / FOLDER if found else None


def ended_by(method: str, path: str) -> str | None:
    """The attempt that a request ends.

    >>> ended_by("PATCH", "task-instances/019aa6d1-7a5b-7c09-a1c7-61a6f0e3b1de/state")
    '019aa6d1-7a5b-7c09-a1c7-61a6f0e3b1de'
    """
    found = _STATE.fullmatch(path.strip("/")) if method == "PATCH" else None
    return found[1] if found else None


def keep(folder: Path, outcome: Outcome) -> None:
    """Leave an outcome; it is on disk when this returns. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    draft = folder / f".{outcome.attempt}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(outcome), file)
        file.flush()
        os.fsync(descriptor)
    os.replace(draft, folder / outcome.attempt)
    _sync(folder)


def forget(folder: Path, attempt: str) -> None:
    """Take it away, if it is there."""
    (folder / attempt).unlink(missing_ok=True)


def kept(folder: Path) -> Iterator[tuple[Outcome, float]]:
    """Every outcome that was left, and when, in seconds since the epoch; what is no outcome is passed over."""
    for file in sorted(folder.glob("[!.]*")):
        try:
            yield Outcome(**json.loads(file.read_text())), file.stat().st_mtime
        except (OSError, ValueError, TypeError):
            continue


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
