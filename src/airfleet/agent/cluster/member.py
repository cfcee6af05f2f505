"""The host's part in its cluster: what its agent does as the quorum decides, step by step.

No error is borne here. Without these steps nobody would know any more whether attempts may run; then the agent ends,
its permission runs out, and the watchdog ends them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from airfleet.agent.cluster.leases import HostRow
from airfleet.agent.cluster.membership import Membership
from airfleet.agent.cluster.quorum import EndAttempts, StartAnew, TakeOver
from airfleet.agent.cluster.watchdog import LeftAttempts, Permission, Watchdog, end_attempts, has_attempts
from airfleet.agent.context import AgentContext
from airfleet.agent.host_facts import HostDifference
from airfleet.events import Event
from airfleet.system import host_name

#: kinds of components that may run while this host has no lease: nothing of an attempt depends on its name
_WITHOUT_LEASE = frozenset(
    {"postgres", "valkey", "broker", "nginx", "zygote", "migrate", "objects", "api-server", "log-server"}
)


class HostProcesses(Protocol):
    """The processes of a host, as far as the cluster decides over them."""

    def have_workers(self) -> bool:
        """Tell whether a worker runs, a draining one too."""

    def pids_without_attempts(self) -> frozenset[int]:
        """Return the leaders below which no attempt runs."""

    def forgive_workers(self) -> None:
        """Forget the deaths of workers: those that follow are no fault of their own."""

    def kill_forked(self) -> None:
        """Kill what runs under the name of this incarnation."""

    def have_forked(self) -> bool:
        """Tell whether something still runs under the name of this incarnation."""


@dataclass(frozen=True)
class ClusterFacts:
    """All hosts of a fleet as their rows were read ``age`` seconds ago."""

    rows: Sequence[HostRow] = ()
    age: float = 0.0
    #: how the hosts that are up differ
    differences: Sequence[HostDifference] = ()
    #: why some did not join, this one among them: name -> sentence
    refused: Mapping[str, str] = field(default_factory=dict)


class ClusterRole(Protocol):
    """A host as its agent sees it: alone, or one of several."""

    @property
    def is_clustered(self) -> bool:
        """Tell whether this host is one of several."""

    @property
    def hostname(self) -> str:
        """Return the name by which Airflow knows this host."""

    @property
    def overrides(self) -> Mapping[str, Any]:
        """Return what people told this host beyond ``fleet.yaml``."""

    @property
    def ends_incarnation(self) -> bool:
        """Tell whether all that was forked ends, to be started in another incarnation of this host."""

    @property
    def clock_trouble(self) -> str:
        """Return what is wrong with the clock of this host, as a sentence; empty while it is right."""

    @property
    def rows(self) -> Sequence[HostRow]:
        """Return all hosts, as last read."""

    def facts(self) -> ClusterFacts | None:
        """Return what is known of all hosts; None for a host that is alone."""

    def start(self) -> None:
        """Begin to renew the lease."""

    def step(self) -> bool:
        """Do what the quorum decides; tell whether another incarnation of this host has begun."""

    def obstacle(self, kind: str, *, forked: bool) -> str | None:
        """Return why a component of this kind may not start, as a sentence; None when it may.

        ``forked``: it is forked by the zygote, or the zygote itself.
        """

    def worker_began(self) -> None:
        """Note that a worker runs."""

    def ended(self, pid: int) -> None:
        """Note that a child of the agent has ended."""

    def override(self, host: str, overrides: Mapping[str, Any]) -> None:
        """Override settings of a host; an empty name is this one."""

    def bury(self, host: str) -> None:
        """Take over a host whose machine is off, as a person says."""

    def close(self) -> None:
        """Leave the cluster; nothing runs here any more."""


class Standalone:
    """The only host of a fleet; its overrides last as long as its agent."""

    is_clustered = False
    ends_incarnation = False
    clock_trouble = ""
    rows: Sequence[HostRow] = ()

    def __init__(self, host: str) -> None:
        self._host = host
        self._overrides: dict[str, Any] = {}

    @property
    def hostname(self) -> str:
        """Return the name of this machine."""
        return host_name.host()

    @property
    def overrides(self) -> Mapping[str, Any]:
        """Return what people told this agent."""
        return self._overrides

    def facts(self) -> ClusterFacts | None:
        """Return None: there are no others."""
        return None

    def start(self) -> None:
        """Do nothing: there is no lease."""

    def step(self) -> bool:
        """Decide nothing: nobody takes this host over."""
        return False

    def obstacle(self, kind: str, *, forked: bool) -> str | None:
        """Return None: no component needs a lease."""

    def worker_began(self) -> None:
        """Do nothing: no lease ends a worker."""

    def ended(self, pid: int) -> None:
        """Do nothing: there is no watchdog."""

    def override(self, host: str, overrides: Mapping[str, Any]) -> None:
        """Override settings of this host; another one does not exist."""
        if host in ("", self._host):
            self._overrides.update(overrides)

    def bury(self, host: str) -> None:
        """Do nothing: there is no other host."""

    def close(self) -> None:
        """Do nothing: there is no lease."""


class ClusterMember:
    """One host of several, with its lease, its watchdog, and the attempts that may be running."""

    is_clustered = True

    def __init__(
        self, context: AgentContext, membership: Membership, watchdog: Watchdog, processes: HostProcesses
    ) -> None:
        self._context = context
        self._membership = membership
        self._watchdog = watchdog
        self._watchdog_is_missing = False
        self._processes = processes
        #: attempts outlive the leaders of their workers
        self._left = LeftAttempts(self._has_attempts, context.clock)
        around = context.plan.neighbours
        self._may_be_replaced = around is not None and around.on_partition == "replace"
        self.ends_incarnation = False

    @property
    def hostname(self) -> str:
        """Return the name by which Airflow knows this incarnation."""
        return self._membership.hostname

    @property
    def overrides(self) -> Mapping[str, Any]:
        """Return the overrides in this host's row."""
        return self._membership.overrides

    @property
    def clock_trouble(self) -> str:
        """Return how this clock differs from the database's, as a sentence."""
        return self._membership.clock_trouble

    @property
    def rows(self) -> Sequence[HostRow]:
        """Return all hosts, as last read."""
        return self._membership.rows

    def facts(self) -> ClusterFacts | None:
        """Return what the database and the other hosts have told."""
        membership, host = self._membership, self._context.plan.host
        own = {host: membership.refusal} if membership.refusal else {}
        return ClusterFacts(membership.rows, membership.age(), membership.differences, {**membership.refused, **own})

    def start(self) -> None:
        """Begin to renew the lease."""
        self._membership.start()

    def step(self) -> bool:
        """Do what the quorum decides; tell whether another incarnation of this host has begun."""
        self._act()
        # What runs under the old name has ended before anything starts under the new one.
        begins = self.ends_incarnation and not self._processes.have_forked()
        if begins:
            self._begin_incarnation()
        if self._may_be_replaced:
            # After the actions: what they ended needs no permission any more.
            seconds = self._membership.seconds_left() if self._runs_attempts() else math.inf
            self._permit(Permission(seconds, self._spared()))
        return begins

    def obstacle(self, kind: str, *, forked: bool) -> str | None:
        """Return why a component of this kind may not start now, as a sentence; None when it may."""
        may = not forked if self.ends_incarnation else kind in _WITHOUT_LEASE or self._membership.may_start()
        return None if may else self._membership.trouble

    def worker_began(self) -> None:
        """Note that a worker runs, whose attempts may outlive it."""
        self._left.worker_began()

    def ended(self, pid: int) -> None:
        """Note that a child of the agent has ended: it may have been the watchdog."""
        self._watchdog.ended(pid)

    def override(self, host: str, overrides: Mapping[str, Any]) -> None:
        """Write overrides into the row of a host; an empty name is this one."""
        self._membership.override(host or self._context.plan.host, overrides)

    def bury(self, host: str) -> None:
        """Take over a host whose machine is off, as a person says."""
        self._membership.bury(host)

    def close(self) -> None:
        """Stop the watchdog, and give the lease up."""
        self._watchdog.close()
        self._membership.close(ended=True)

    # --- actions -------------------------------------------------------------------------------------

    def _act(self) -> None:
        for action in self._membership.decide(runs=self._runs_attempts()):
            match action:
                case TakeOver():
                    self._membership.take_over(action)
                case EndAttempts():
                    self._end_attempts(str(action))
                case StartAnew():
                    self._end_incarnation()

    def _end_incarnation(self) -> None:
        if self.ends_incarnation:
            return
        self.ends_incarnation = True
        self._end_attempts("other hosts took this one over")
        self._processes.kill_forked()

    def _begin_incarnation(self) -> None:
        self.ends_incarnation = False
        # What the zygote forked as it died, and told nobody, is of the old incarnation too.
        self._kill_attempts()
        self._membership.start_anew()
        self._context.log(Event.STARTED_ANEW, hostname=self.hostname)

    def _end_attempts(self, why: str) -> None:
        self._context.log(Event.ATTEMPTS_ENDED, why=why)
        self._processes.forgive_workers()
        self._kill_attempts()

    def _kill_attempts(self) -> None:
        end_attempts(self._context.fleet_id, self._spared(), below=os.getpid())
        self._left.ended()

    def _permit(self, permission: Permission) -> None:
        """Tell the watchdog; where none can be started (no memory, no process left), the next step retries."""
        try:
            self._watchdog.permit(permission)
            self._watchdog_is_missing = False
        except OSError as refused:
            if not self._watchdog_is_missing:
                self._context.log(Event.WATCHDOG_MISSING, why=str(refused))
            self._watchdog_is_missing = True

    # --- processes -----------------------------------------------------------------------------------

    def _runs_attempts(self) -> bool:
        """Tell whether attempts may run here: of workers, or of workers whose leaders are gone."""
        return self._left.may_be(self._processes.have_workers())

    def _has_attempts(self) -> bool:
        return has_attempts(self._context.fleet_id, self._spared(), below=os.getpid())

    def _spared(self) -> frozenset[int]:
        """Return the leaders of everything that no attempt belongs to."""
        watchdog = [self._watchdog.pid] if self._watchdog.pid else []
        return frozenset({os.getpid(), *self._processes.pids_without_attempts(), *watchdog})
