"""The shutdown: in which order the components of a host end, and how long each may take.

Workers, scheduler and the like first (a task that ends must still reach the api-server), then api-server and zygote,
then the servers.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from airfleet.agent.states import State
from airfleet.agent.supervisor.process import Running, ask_to_end, signal_group

#: components that end together, in this order; kinds not named are in the first group
_LATE = {"api-server": 1, "nginx": 1, "zygote": 1, "valkey": 2, "postgres": 2}

#: what a worker gives its running tasks when nobody says for how long, seconds
DRAIN_SECONDS = 60.0


@dataclass
class Shutdown:
    """The end of everything on this host: whether it has begun, how patient it is, and whether it is reached."""

    clock: Callable[[], float]
    has_begun: bool = False
    done: bool = False
    #: asked for over the agent's socket; a signal may come from anywhere
    was_requested: bool = False
    forced: bool = False
    #: for how long, in seconds, running tasks may go on
    drain_seconds: float = DRAIN_SECONDS
    _began_at: float = 0.0

    def begin(self, force: bool, drain_seconds: float | None = None) -> bool:
        """Begin to end, or change how; tell whether this is the beginning."""
        is_first = not self.has_begun
        if is_first:
            self.has_begun, self._began_at = True, self.clock()
        self.forced = self.forced or force
        if drain_seconds is not None:  # whoever comes last may change it
            self.drain_seconds = drain_seconds
        return is_first

    def advance(self, components: Iterable[Running], workers_drain: bool) -> None:
        """Bring the components nearer to their end; ``workers_drain``: replaced workers still run tasks."""
        if not self.has_begun:
            return
        now = self.clock()
        # Replaced workers were told to end before, and get no longer than those that are told now.
        others_drain = workers_drain and not self.forced and now - self._began_at < self.drain_seconds
        self.done = end_in_order(
            components, now, forced=self.forced, drain_seconds=self.drain_seconds, others_drain=others_drain
        )


def end_in_order(
    components: Iterable[Running],
    now: float,
    *,
    forced: bool,
    drain_seconds: float = DRAIN_SECONDS,
    others_drain: bool = False,
) -> bool:
    """Bring all components nearer to their end; tell whether they have ended.

    Workers get ``drain_seconds`` for their running tasks, every other kind what it may take; with ``forced`` nothing.
    While workers drain that are none of these (``others_drain``), what their tasks need stays.
    """
    groups: dict[int, list[Running]] = {0: []}
    for running in components:
        groups.setdefault(_LATE.get(running.component.kind, 0), []).append(running)
    for stage in sorted(groups):
        # All of the group are asked before we wait for any of them.
        ended = [_end(running, now, 0.0 if forced else _grace(running, drain_seconds)) for running in groups[stage]]
        if others_drain or not all(ended):
            return False
    return True


def _grace(running: Running, drain_seconds: float) -> float:
    return drain_seconds if running.component.kind == "worker" else running.component.grace_seconds


def _end(running: Running, now: float, grace_seconds: float) -> bool:
    if running.state in (State.STARTING, State.READY, State.DEGRADED):
        running.move_to(State.STOPPING, now)
        ask_to_end(running)
    late = not grace_seconds or now - running.since > grace_seconds
    if running.state == State.STOPPING and running.pid is not None:
        if late:
            signal_group(running.pid, signal.SIGKILL)
    elif running.state != State.STOPPED:
        running.move_to(State.STOPPED, now)
    return running.state == State.STOPPED
