"""The reporter: snapshots of the fleet for people and other hosts, sent to watchers when something has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airfleet.agent import status
from airfleet.agent.cluster.member import ClusterRole
from airfleet.agent.context import AgentContext
from airfleet.agent.control import Edited, Snapshot
from airfleet.agent.host.host_monitor import HostMonitor
from airfleet.agent.releases.watch import ReleaseWatch
from airfleet.agent.status import AgentProgress
from airfleet.agent.supervisor.components import Components
from airfleet.agent.supervisor.database_gate import DatabaseGate
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.shutdown import Shutdown
from airfleet.events import Event


class Reporter:
    """Reads all parts of the agent, changes none. ``edits`` compares fleet.yaml with what is in force."""

    def __init__(
        self,
        context: AgentContext,
        components: Components,
        shutdown: Shutdown,
        gate: DatabaseGate,
        cluster: ClusterRole,
        host: HostMonitor,
        releases: ReleaseWatch,
        edits: Callable[[], Edited],
    ) -> None:
        self._context, self._clock = context, context.clock
        self._components = components
        self._shutdown = shutdown
        self._gate = gate
        self._cluster = cluster
        self._host = host
        self._releases = releases
        self._edits = edits
        self._began = context.clock()
        self._ready_after: float | None = None
        self._told_troubles: frozenset[str] = frozenset()
        #: sends the snapshot to everyone who watches
        self.tell_watchers: Callable[[], None] = lambda: None
        components.listeners.append(self._note_change)

    def snapshot(self) -> Snapshot:
        """Return the fleet now. For the agent's own loop: between two of its steps a component may be half dead."""
        now = self._clock()
        return status.snapshot(
            self._context.plan,
            self._context.paths,
            tuple(self._components),
            self._progress(now),
            self._cluster.facts(),
            now,
            troubles=self.troubles(),
            overrides=self._cluster.overrides,
            database=self._gate.finding,
            edited=self._edited(),
            import_errors=self._host.import_errors.found,
            releases=self._releases.status,
        )

    def components_in_short(self) -> list[dict[str, Any]]:
        """Return the components for this host's row in the database. Called from a thread."""
        now = self._clock()
        running = [r.status(now) for r in list(self._components)]
        return [shown.in_short() for shown in (*running, *status.unwell(self.troubles()))]

    def troubles(self) -> Mapping[str, str]:
        """Return what is wrong with the host itself: part -> sentence, empty where all is well."""
        finding = self._gate.finding
        database = finding.sentence.partition("\n")[0] if finding is not None else ""
        clock, releases = self._cluster.clock_trouble, self._releases.trouble
        return {"disk": self._host.disk_trouble, "clock": clock, "database": database, "releases": releases}

    def tell_of_troubles(self) -> None:
        """Tell watchers when another part of the host is unwell than before."""
        unwell = frozenset(part for part, why in self.troubles().items() if why)
        if unwell != self._told_troubles:
            self._told_troubles = unwell
            self.tell_watchers()

    def _note_change(self, _: Running) -> None:
        now = self._clock()
        if self._ready_after is None and not self._shutdown.has_begun and self._is_ready(now):
            self._ready_after = now - self._began
            self._context.log(Event.FLEET_READY, fleet=self._context.plan.fleet, seconds=round(self._ready_after, 2))
        self.tell_watchers()

    def _is_ready(self, now: float) -> bool:
        return self._gate.is_open and status.state(tuple(self._components), self._progress(now)) == "ready"

    def _progress(self, now: float) -> AgentProgress:
        end = self._shutdown
        return AgentProgress(now - self._began, self._ready_after, end.has_begun, end.done, end.was_requested)

    def _edited(self) -> Edited:
        with self._context.surprises.borne():
            return self._edits()
        return Edited()
