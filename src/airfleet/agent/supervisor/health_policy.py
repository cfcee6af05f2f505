"""What a probe's answer means: is a component ready, degraded, to be replaced, or to be ended because it does nothing?

A component that is ended here is dead to the agent a moment later, as after any other death; why it was ended stays in
its ``reason``.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from airfleet.agent.probes.component_probe import Verdict
from airfleet.agent.states import State
from airfleet.agent.supervisor import restarts
from airfleet.agent.supervisor.process import Running, signal_group
from airfleet.fleet.planning.plan import Watch

#: seconds that a failing probe of a ready component is borne before it is called degraded
PATIENCE_SECONDS = 15.0
#: the same of a server that is not the fleet's own: nobody here starts it again, so people have to know
FOREIGN_PATIENCE_SECONDS = 3.0

#: seconds in which a template that is ready has to fork what it was told to
FORK_SECONDS = 15.0

#: how the reason of a component begins that was ended: it did not get ready in time, or did nothing while it could
TOO_SLOW, SILENT = "was not ready after", "did nothing for"

#: kinds of components that are ended and started again when they are silent; what a worker does, its own probe tells
_ENDED_WHEN_SILENT = frozenset(
    {"scheduler", "dag-processor", "triggerer", "api-server", "log-server", "flower", "nginx"}
)


@dataclass
class Judge:
    """Remembers how components were; ``replace`` is told of a worker that is of no use, with its pid and the reason."""

    clock: Callable[[], float]
    replace: Callable[[Running, int, str], None]
    _well_at: dict[str, float] = field(default_factory=dict)
    #: since when components have been silent that should not be
    _silent_since: dict[str, float] = field(default_factory=dict)

    def judge(self, running: Running, verdict: Verdict) -> None:
        """Act upon the answer of its probe."""
        now = self.clock()
        if verdict.well:
            self._is_well(running, now)
        elif running.state == State.STARTING and not running.reason.startswith(TOO_SLOW):
            running.reason = verdict.reason
            if verdict.useless and isinstance(running.component.start, Watch):
                running.move_to(State.GAVE_UP, now, verdict.reason)
        elif _wants_a_successor(running) and verdict.useless and running.pid is not None:
            self.replace(running, running.pid, verdict.reason)
        elif running.state == State.READY and now - self._well_at.get(running.name, now) > _patience(running):
            running.move_to(State.DEGRADED, now, verdict.reason)
        self._end_when_silent(running, verdict, now)

    def end_when_too_slow(self, running: Running) -> None:
        """End a process that is not ready when it should be."""
        limit = running.component.start_seconds
        if running.state != State.STARTING or running.pid is None or self.clock() - running.started <= limit:
            return
        if not running.reason.startswith(TOO_SLOW):  # it may take another turn of the loop to be gone
            running.reason = f"{TOO_SLOW} {limit:.0f} s: {running.reason or 'it did not say why'}"
            signal_group(running.pid, signal.SIGKILL)

    def end_when_it_forks_nothing(self, template: Running, orders: Collection[Running]) -> None:
        """End a template that stands still; another one is given its ``orders``, the components that wait for it."""
        if template.state != State.READY or template.pid is None or template.reason or not orders:
            return
        first = min(orders, key=lambda ordered: ordered.started)
        waited = self.clock() - max(first.started, template.since)
        if waited > FORK_SECONDS:
            template.reason = f"{SILENT} {waited:.0f} s: it was told to fork {first.name}"
            signal_group(template.pid, signal.SIGKILL)

    def died(self, running: Running) -> None:
        """Its next process begins with a clean record."""
        self._silent_since.pop(running.name, None)

    def _is_well(self, running: Running, now: float) -> None:
        self._well_at[running.name] = now
        if running.state in (State.STARTING, State.DEGRADED):
            running.move_to(State.READY, now)
        if now - running.since > restarts.HEALED_AFTER:
            running.deaths.clear()
            running.given_up = 0

    def _end_when_silent(self, running: Running, verdict: Verdict, now: float) -> None:
        """A process that stands still would stand so for ever: it is alive, and so nobody else starts another."""
        if not verdict.silent or running.state not in (State.READY, State.DEGRADED):
            self._silent_since.pop(running.name, None)
            return
        silent = now - self._silent_since.setdefault(running.name, now)
        kind, limit = running.component.kind, running.component.silent_seconds
        if kind in _ENDED_WHEN_SILENT and silent >= limit and running.pid is not None:
            running.reason = f"{SILENT} {silent:.0f} s: {verdict.reason}"
            signal_group(running.pid, signal.SIGKILL)


def why_ended(running: Running) -> str:
    """Why it was ended here; empty when it was not."""
    return running.reason if running.reason.startswith((TOO_SLOW, SILENT)) else ""


def _patience(running: Running) -> float:
    return FOREIGN_PATIENCE_SECONDS if isinstance(running.component.start, Watch) else PATIENCE_SECONDS


def _wants_a_successor(running: Running) -> bool:
    return running.component.kind == "worker" and running.state in (State.READY, State.DEGRADED)
