"""The outbox of a host: results of attempts on disk, until the execution API has taken them.

A monitor retries the request that ends its attempt until the API is back. If the monitor is killed meanwhile (a drain
that timed out, a kill, want of memory), the result would be lost with it, and the task would run again. So the monitor
puts the request here before it waits, and removes it after the answer::

    monitor ──request, fsync──> <airflow home>/untold/<id of the attempt>     mode 0600: it holds the attempt's token
                                      │
                  (monitor is gone) ──┴──> the agent of the host sends it when the API is back

Sending a request twice is safe: the API confirms a state that the attempt has already.

Failures: on a full disk nothing is put here, and the worker's log says so. After a power failure the agent sends what
is here; the API refuses it if the task was given to another host meanwhile.
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
class OutboxRequest:
    """A request to the execution API that ends an attempt."""

    attempt: str
    body: str
    token: str = field(repr=False)
    #: the version of the execution API for which it is written
    version: str = ""

    @property
    def path(self) -> str:
        """The path below the address of the execution API."""
        return f"task-instances/{self.attempt}/state"


def folder(environ: Mapping[str, str]) -> Path | None:
    """Name the outbox of this process; None where no agent would send from it."""
    found = home.of_component(environ)
    return found / FOLDER if found else None


def ended_by(method: str, path: str) -> str | None:
    """Return the attempt that a request ends; None where it ends none.

    >>> ended_by("PATCH", "task-instances/019aa6d1-7a5b-7c09-a1c7-61a6f0e3b1de/state")
    '019aa6d1-7a5b-7c09-a1c7-61a6f0e3b1de'
    """
    found = _STATE.fullmatch(path.strip("/")) if method == "PATCH" else None
    return found[1] if found else None


def put(folder: Path, request: OutboxRequest) -> None:
    """Put a request into the outbox; it is on disk when this returns. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    draft = folder / f".{request.attempt}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(request), file)
        file.flush()
        os.fsync(descriptor)
    os.replace(draft, folder / request.attempt)
    _sync(folder)


def remove(folder: Path, attempt: str) -> None:
    """Remove the request of an attempt, if there is one."""
    (folder / attempt).unlink(missing_ok=True)


def pending(folder: Path) -> Iterator[tuple[OutboxRequest, float]]:
    """Yield each request with the time when it was put here, in seconds since the epoch; skip files that are none."""
    for file in sorted(folder.glob("[!.]*")):
        try:
            yield OutboxRequest(**json.loads(file.read_text())), file.stat().st_mtime
        except (OSError, ValueError, TypeError):
            continue


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
