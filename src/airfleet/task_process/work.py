"""The steps that the pool is given: load a Dag file, run an attempt, choose its Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from airfleet.file_stamps import Stamp
from airfleet.task_process import ipc


def same_python(_: ipc.DagFile) -> str | None:
    """Choose the Python of the pool itself for every file."""
    return None


class Unshareable(Exception):
    """A loaded file that cannot serve more than one attempt; the message says why."""


@dataclass(frozen=True)
class AttemptWork:
    """``load`` may raise anything; ``run`` gets what it returned, or None, and never returns."""

    load: Callable[[ipc.DagFile], Any]
    run: Callable[[ipc.Attempt, Any], NoReturn]
    #: seconds for which what was loaded from a file may serve, when no file changes
    seconds_good: Callable[[ipc.DagFile], float]
    #: tells one content of a file from the next
    stamp: Callable[[ipc.DagFile], Stamp | None]
    #: the interpreter of the environment that a file runs in; None for the pool's own
    python: Callable[[ipc.DagFile], str | None] = same_python
