"""The two steps that the pool is given: load a Dag file, run an attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from airfleet.task_process import ipc
from airfleet.task_process.side_effects import Stamp


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
    stamp: Callable[[ipc.DagFile], Stamp]
