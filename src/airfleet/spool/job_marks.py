"""Marks of components in files for the agent of their host: the row of their job, and the heartbeat of a worker."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class JobMark:
    """The row in Airflow's table ``job`` that belongs to a process."""

    component: str
    pid: int
    number: int


def write(path: Path, words: str) -> None:
    """Write a few words for the agent, on a full disk as the target of a dangling link.

    A file system stores a short target in the entry itself, without a free block. Raises OSError when that fails, too.
    """
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)  # a link would be followed
    try:
        draft.write_text(words)
    except OSError:
        draft.unlink(missing_ok=True)
        draft.symlink_to(words)
    os.replace(draft, path)


def read(path: Path) -> str:
    """Read the words. Raises OSError (FileNotFoundError where there are none) and ValueError."""
    return os.readlink(path) if path.is_symlink() else path.read_text()


def beat(path: Path, pid: int) -> None:
    """Record the heartbeat of a worker, from within it. Raises OSError when the agent cannot see it."""
    try:
        is_ours = read(path) == str(pid)
    except (OSError, ValueError):
        is_ours = False
    if is_ours:
        os.utime(path, follow_symlinks=False)
    else:
        write(path, str(pid))


def write_job(folder: Path, job: JobMark) -> None:
    """Record the row of a component, from within it. Raises OSError; see :func:`write`."""
    write(_file(folder, job.component), json.dumps({"pid": job.pid, "job": job.number}))


def read_job(folder: Path, component: str) -> JobMark | None:
    """Read the mark of a component; None where it has left none."""
    try:
        found = json.loads(read(_file(folder, component)))
        return JobMark(component, int(found["pid"]), int(found["job"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def jobs_of_dead_processes(folder: Path, is_alive: Callable[[int], bool]) -> tuple[JobMark, ...]:
    """List the marks in a folder whose processes are gone."""
    found = (read_job(folder, path.stem) for path in sorted(folder.glob("[!.]*.job")))
    return tuple(job for job in found if job is not None and not is_alive(job.pid))


def _file(folder: Path, component: str) -> Path:
    return folder / f"{component}.job"


def remove_job(folder: Path, job: JobMark) -> None:
    """Remove the mark of a component, unless another process of it has left its own meanwhile."""
    with contextlib.suppress(OSError):
        if read_job(folder, job.component) == job:
            _file(folder, job.component).unlink()
