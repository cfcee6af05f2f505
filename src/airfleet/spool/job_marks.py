"""Marks that components leave in files for the agent of their host: which job is their own, and that they are well."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """Which row of the table of jobs a process has."""

    component: str
    pid: int
    number: int


def leave(path: Path, words: str) -> None:
    """Leave a few words for the agent to find, also where the disk is full: then as the target of a link that leads
    nowhere, for which a file system needs no room beside the entry. Raises OSError when it takes that neither."""
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)  # one that was a link would be written through
    try:
        draft.write_text(words)
    except OSError:
        draft.unlink(missing_ok=True)
        draft.symlink_to(words)
    os.replace(draft, path)


def left(path: Path) -> str:
    """What was left there. Raises OSError (FileNotFoundError when there is nothing) and ValueError."""
    return os.readlink(path) if path.is_symlink() else path.read_text()


def beat(path: Path, pid: int) -> None:
    """Say, from within a worker, that it is well. Raises OSError when the agent will not learn of it."""
    try:
        is_ours = left(path) == str(pid)
    except (OSError, ValueError):
        is_ours = False
    if is_ours:
        os.utime(path, follow_symlinks=False)
    else:
        leave(path, str(pid))


def write_down(folder: Path, job: Job) -> None:
    """Say, from within a component, which row is its own. Raises OSError; see :func:`leave`."""
    leave(_file(folder, job.component), json.dumps({"pid": job.pid, "job": job.number}))


def read_down(folder: Path, component: str) -> Job | None:
    """What a component wrote down; None when it has not."""
    try:
        found = json.loads(left(_file(folder, component)))
        return Job(component, int(found["pid"]), int(found["job"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def of_the_dead(folder: Path, is_alive: Callable[[int], bool]) -> tuple[Job, ...]:
    """The jobs in a folder whose processes are gone."""
    found = (read_down(folder, path.stem) for path in sorted(folder.glob("[!.]*.job")))
    return tuple(job for job in found if job is not None and not is_alive(job.pid))


def _file(folder: Path, component: str) -> Path:
    return folder / f"{component}.job"


def forget(folder: Path, job: Job) -> None:
    """Remove the mark of a component, unless another process of it has left its own meanwhile."""
    with contextlib.suppress(OSError):
        if read_down(folder, job.component) == job:
            _file(folder, job.component).unlink()
