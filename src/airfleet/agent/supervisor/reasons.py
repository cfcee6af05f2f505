"""Reasons for the states of components: deaths, restarts, waits, drains.

Values that decisions compare; each makes the sentence that people read.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from airfleet.agent.states import Reason


@dataclass(frozen=True)
class Exited(Reason):
    """The process ended by itself."""

    code: int

    def __str__(self) -> str:
        return f"ended with exit code {self.code}"


@dataclass(frozen=True)
class KilledBySignal(Reason):
    """A signal ended the process."""

    number: int

    def __str__(self) -> str:
        try:
            return f"was killed by {signal.Signals(self.number).name}"
        except ValueError:  # most real-time signals have no name
            return f"was killed by signal {self.number}"


def exit_of(status: int) -> Exited | KilledBySignal:
    """Make the reason of a death from its wait status.

    >>> exit_of(9), exit_of(256)
    (KilledBySignal(number=9), Exited(code=1))
    """
    if os.WIFSIGNALED(status):
        return KilledBySignal(os.WTERMSIG(status))
    return Exited(os.WEXITSTATUS(status))


@dataclass(frozen=True)
class NotStarted(Reason):
    """The kernel refused to start the program."""

    error: str
    program: str

    def __str__(self) -> str:
        return f"cannot be started: {self.error} ({self.program})"


@dataclass(frozen=True)
class AgentFailed(Reason):
    """The agent met an unexpected error while it handled this component."""

    error: str

    def __str__(self) -> str:
        return f"the agent failed at it: {self.error}"


@dataclass(frozen=True)
class ZygoteDied(Reason):
    """The zygote died with this component's order unanswered."""

    def __str__(self) -> str:
        return "the zygote ended before it was forked"


class Kill(Reason):
    """The agent killed the process, which then dies of SIGKILL: this reason outlives that death."""


@dataclass(frozen=True)
class StartTimeout(Kill):
    """The component was not ready ``limit_seconds`` seconds after its start."""

    limit_seconds: float
    last: Reason | None

    def __str__(self) -> str:
        return f"was not ready after {self.limit_seconds:.0f} s: {self.last or 'it did not say why'}"


@dataclass(frozen=True)
class Stalled(Kill):
    """The component did nothing for ``seconds`` although it could."""

    seconds: float
    last: Reason | None

    def __str__(self) -> str:
        return f"did nothing for {self.seconds:.0f} s: {self.last or ''}"


@dataclass(frozen=True)
class ZygoteStalled(Kill):
    """The zygote has left an order to fork unanswered for ``seconds``."""

    seconds: float
    component: str

    def __str__(self) -> str:
        return f"did nothing for {self.seconds:.0f} s: it was told to fork {self.component}"


@dataclass(frozen=True)
class WaitsForDatabase(Reason):
    """The database does not answer; a restart would die again."""

    error: str

    def __str__(self) -> str:
        return f"waits for the database: {self.error}"


@dataclass(frozen=True)
class NoLease(Reason):
    """This host holds no lease, so nothing that runs or starts attempts may start."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Resized(Reason):
    """An override changed the worker's size."""

    def __str__(self) -> str:
        return "has another size now"


@dataclass(frozen=True)
class Drained(Reason):
    """An override drains this host; ``finishing`` while the worker's process still has tasks."""

    finishing: bool = False

    def __str__(self) -> str:
        return "drained, finishes what it runs" if self.finishing else "drained"
