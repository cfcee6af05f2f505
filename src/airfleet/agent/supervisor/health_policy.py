"""The health policy: from the result of a probe to ready, degraded, replaced, or killed.

A killed component is dead to the agent a moment later, as after any other death; its reason, a
:class:`~airfleet.agent.supervisor.reasons.Kill`, outlives that death.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from airfleet.agent.probes.results import Health, ProbeResult
from airfleet.agent.states import Reason, State
from airfleet.agent.supervisor import restarts
from airfleet.agent.supervisor.process import Running, signal_group
from airfleet.agent.supervisor.reasons import Kill, Stalled, StartTimeout, ZygoteStalled
from airfleet.fleet.planning.plan import Watch

#: seconds that the probe of a ready component may fail before the component is degraded
PATIENCE_SECONDS = 15.0
#: the same of a server that is not the fleet's own: no agent restarts it, so people have to know
FOREIGN_PATIENCE_SECONDS = 3.0

#: seconds in which a ready zygote has to fork what it was told to
FORK_TIMEOUT_SECONDS = 15.0

#: kinds of components that are killed and restarted when they stall; of a worker, its own probe decides
_KILLED_WHEN_STALLED = frozenset(
    {"scheduler", "dag-processor", "triggerer", "api-server", "log-server", "flower", "nginx"}
)


@dataclass
class HealthPolicy:
    """Remembers results of probes; ``replace`` gets a useless worker, with its pid and the reason."""

    clock: Callable[[], float]
    replace: Callable[[Running, int, Reason | None], None]
    _well_at: dict[str, float] = field(default_factory=dict)
    #: components that stall -> since when
    _stalled_since: dict[str, float] = field(default_factory=dict)

    def apply(self, running: Running, result: ProbeResult) -> None:
        """Act upon the result of a probe."""
        now, useless = self.clock(), result.health is Health.USELESS
        if result.well:
            self._note_well(running, now)
        elif running.state == State.STARTING and not isinstance(running.reason, StartTimeout):
            running.reason = result.reason
            if useless and isinstance(running.component.start, Watch):
                running.move_to(State.GAVE_UP, now, result.reason)
        elif useless and _is_replaceable(running) and running.pid is not None:
            self.replace(running, running.pid, result.reason)
        elif running.state == State.READY and now - self._well_at.get(running.name, now) > _patience_seconds(running):
            running.move_to(State.DEGRADED, now, result.reason)
        self._kill_when_stalled(running, result, now)

    def kill_when_late(self, running: Running) -> None:
        """Kill a process that is not ready within its time to start."""
        limit_seconds = running.component.start_seconds
        if running.state != State.STARTING or running.pid is None or self.clock() - running.started <= limit_seconds:
            return
        if not isinstance(running.reason, StartTimeout):  # it may take another turn of the loop to be gone
            _kill(running, running.pid, StartTimeout(limit_seconds, running.reason))

    def kill_stalled_zygote(self, zygote: Running, orders: Collection[Running]) -> None:
        """Kill a zygote that leaves ``orders``, the components to fork, unanswered; the next zygote gets them."""
        if zygote.state != State.READY or zygote.pid is None or zygote.reason or not orders:
            return
        first = min(orders, key=lambda ordered: ordered.started)
        waited_seconds = self.clock() - max(first.started, zygote.since)
        if waited_seconds > FORK_TIMEOUT_SECONDS:
            _kill(zygote, zygote.pid, ZygoteStalled(waited_seconds, first.name))

    def forget(self, running: Running) -> None:
        """Forget a process that died: the next one begins with a clean record."""
        self._stalled_since.pop(running.name, None)

    def _note_well(self, running: Running, now: float) -> None:
        self._well_at[running.name] = now
        if running.state in (State.STARTING, State.DEGRADED):
            running.move_to(State.READY, now)
        if now - running.since > restarts.HEALED_AFTER_SECONDS:
            running.deaths.clear()
            running.given_up = 0

    def _kill_when_stalled(self, running: Running, result: ProbeResult, now: float) -> None:
        """Kill a process that stalls: it is alive, so without this no other would ever start."""
        if result.health is not Health.STALLED or running.state not in (State.READY, State.DEGRADED):
            self._stalled_since.pop(running.name, None)
            return
        stalled_seconds = now - self._stalled_since.setdefault(running.name, now)
        kind, limit_seconds = running.component.kind, running.component.silent_seconds
        if kind in _KILLED_WHEN_STALLED and stalled_seconds >= limit_seconds and running.pid is not None:
            _kill(running, running.pid, Stalled(stalled_seconds, result.reason))


def _kill(running: Running, pid: int, why: Kill) -> None:
    running.reason = why
    signal_group(pid, signal.SIGKILL)


def _patience_seconds(running: Running) -> float:
    return FOREIGN_PATIENCE_SECONDS if isinstance(running.component.start, Watch) else PATIENCE_SECONDS


def _is_replaceable(running: Running) -> bool:
    return running.component.kind == "worker" and running.state in (State.READY, State.DEGRADED)
