"""Reattachment of a new agent to the workers and the lease of a crashed one.

A task needs its worker's processes and an execution API, not an agent. So the workers of a dead agent are told to end
when their attempts have, and everything else is started anew. In a fleet of several hosts that holds as long as nobody
can have taken this host over: the new agent goes on with the lease of the dead one, under the same name. When that is
too old (:data:`airfleet.agent.cluster.quorum.FENCE_SECONDS`, unless the policy is *keep*), the watchdog ends all of it.

The dead agent's watchdog would end whatever it does not know, this agent too, when its time is over. So a watchdog of
our own has its permission first, and then that one is ended with the rest.
"""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airfleet.agent.cluster import incarnation
from airfleet.agent.cluster.incarnation import Incarnation
from airfleet.agent.cluster.quorum import FENCE_SECONDS
from airfleet.agent.cluster.watchdog import Permission, Watchdog
from airfleet.events import Event, Log
from airfleet.fleet.config.spec import OnPartition
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.system import process_tree

#: seconds that processes of an agent that was killed get to end
LEFTOVER_GRACE_SECONDS = 15.0
#: seconds until something is written down again that the disk did not take
AGAIN_SECONDS = 5.0


@dataclass(frozen=True)
class Inheritance:
    """The workers, the lease and the watchdog that a new agent takes over."""

    #: these have been told to end when their attempts have
    workers: tuple[process_tree.RecordedProcess, ...] = ()
    #: in a fleet of several hosts
    incarnation: Incarnation | None = None
    watchdog: Watchdog | None = None
    #: how long the processes that do not stay may take to end: the lease has to be renewed meanwhile
    grace_seconds: float = LEFTOVER_GRACE_SECONDS

    @property
    def pids(self) -> frozenset[int]:
        """Return the processes that stay, each with all below it."""
        watchdog = self.watchdog.pid if self.watchdog else None
        return frozenset({*(worker.pid for worker in self.workers), *((watchdog,) if watchdog else ())})


#: of an agent that ended in good order, or never was
NOTHING = Inheritance()


class ProcessRecord:
    """The list of an agent's processes on disk, for the next agent. A disk that takes nothing is no reason to end what
    runs: the list stays as it was, the log says so once, and the write is retried.

    Until then the next agent does not find the newest workers among those that may finish, and ends them with the rest.
    """

    def __init__(self, path: Path, log: Log, clock: Callable[[], float]) -> None:
        self._path = path
        self._log = log
        self._clock = clock
        self._again_at: float | None = None

    @property
    def is_due(self) -> bool:
        """Tell whether a write that failed is due again."""
        return self._again_at is not None and self._clock() >= self._again_at

    def write(self, kinds: Mapping[int, str]) -> None:
        """Write down the running processes, pid -> kind; a write that fails is retried."""
        try:
            process_tree.write_down(self._path, kinds)
        except OSError as refused:
            if self._again_at is None:
                self._log(Event.PROCESSES_UNWRITTEN, why=str(refused))
            self._again_at = self._clock() + AGAIN_SECONDS
            return
        if self._again_at is not None:
            self._again_at = None
            self._log(Event.PROCESSES_WRITTEN)


def inherit(paths: Paths, policy: OnPartition | None, now: float) -> Inheritance:
    """Take over from an agent that was killed. Only for the holder of the fleet's lock on this host.

    ``policy`` is None in a fleet without hosts; ``now`` is in seconds since the machine started.
    """
    if policy is None:
        return Inheritance(_finishing(paths))
    last = incarnation.read_down(paths.boot)
    seconds = _seconds_left(last, policy, now)
    if seconds <= 0.0:
        return NOTHING
    watchdog = Watchdog(fleet_id(paths.home))
    if policy == "replace":
        watchdog.permit(Permission(seconds, frozenset({os.getpid()})))
    return Inheritance(_finishing(paths), last, watchdog, min(LEFTOVER_GRACE_SECONDS, seconds / 3))


def _seconds_left(last: Incarnation | None, policy: OnPartition, now: float) -> float:
    """Return the seconds for which attempts of an incarnation may go on."""
    if last is None or not last.is_of_this_machine:
        return 0.0
    return math.inf if policy == "keep" else FENCE_SECONDS - (now - last.renewed_at)


def _finishing(paths: Paths) -> tuple[process_tree.RecordedProcess, ...]:
    """Tell living workers to take nothing more, while there is a broker to return messages to; return them."""
    workers = tuple(kept for kept in process_tree.read_down(paths.processes) if kept.kind == "worker" and kept.lives)
    for worker in workers:
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGTERM)
    return workers
