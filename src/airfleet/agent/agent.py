"""The agent: the loop of one host, parent of everything that a fleet runs there.

One thread runs the loop; what may block runs in others. It never imports Airflow or user code, so a crash of a
component cannot take it down.

An unexpected error in one step is logged once and borne: tasks run on while somebody looks for the cause. Errors in
the steps of the cluster, which keep two hosts from running the same attempts, are not borne: the agent ends, and the
watchdog ends the attempts. That is right when nobody knows any more whether they may run.
"""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airfleet.agent.cluster.member import ClusterRole
from airfleet.agent.context import AgentContext
from airfleet.agent.control import Snapshot
from airfleet.agent.control_server import ControlServer
from airfleet.agent.host.host_monitor import HostMonitor
from airfleet.agent.probes.database_connection import DatabaseConnection
from airfleet.agent.recovery.recovery import AttemptRecovery
from airfleet.agent.releases.watch import ReleaseWatch
from airfleet.agent.reporter import Reporter
from airfleet.agent.sleep.sleepers import Sleepers
from airfleet.agent.supervisor import signals
from airfleet.agent.supervisor.components import Components
from airfleet.agent.supervisor.database_gate import DatabaseGate
from airfleet.agent.supervisor.probe_runner import ProbeRunner
from airfleet.agent.supervisor.shutdown import Shutdown
from airfleet.agent.supervisor.supervisor import Supervisor
from airfleet.events import Event
from airfleet.system import process_tree

#: seconds between two turns of the loop when nothing happens: while something changes, and at rest
BUSY_PAUSE_SECONDS, QUIET_PAUSE_SECONDS = 0.05, 1.0
#: seconds in which processes that components had hidden may end
HIDDEN_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class AgentParts:
    """The parts of one agent, one for each concern."""

    context: AgentContext
    selector: selectors.BaseSelector
    wakeup: signals.Wakeup
    database: DatabaseConnection
    components: Components
    shutdown: Shutdown
    gate: DatabaseGate
    probes: ProbeRunner
    supervisor: Supervisor
    cluster: ClusterRole
    recovery: AttemptRecovery
    host: HostMonitor
    releases: ReleaseWatch
    sleepers: Sleepers
    reporter: Reporter
    #: whether it goes on with the lease of an agent that was killed
    is_heir: bool = False


class Agent:
    """Runs one plan, and does what people ask over its socket."""

    def __init__(self, parts: AgentParts) -> None:
        self._parts = parts
        self._supervisor = parts.supervisor
        self._cluster = parts.cluster
        self._recovery = parts.recovery
        self._reporter = parts.reporter
        self._shutdown = parts.shutdown
        self._borne = parts.context.surprises.borne
        self._writes = False

    def run(self, listener: socket.socket) -> None:
        """Bring the plan up and keep it up until somebody asks for the end."""
        server = self._open(listener)
        while not self._shutdown.done:
            self._step_in_cluster()
            for step in self._steps():
                with self._borne():
                    step()
            self._supervisor.end()
            self._wait()
        self._finish(server)

    def _steps(self) -> tuple[Callable[[], object], ...]:
        return (
            self._check_database,
            self._apply_overrides,
            self._tell_of_api_servers,
            self._supervisor.start_due,
            self._supervisor.probe,
            self._recovery.upload_results,
            self._look_at_import_errors,
            self._supervisor.end_drained,
            self._supervisor.write_down_again,
            self._reporter.tell_of_troubles,
        )

    # --- steps ---------------------------------------------------------------------------------------

    def _step_in_cluster(self) -> None:
        """Keep this host's attempts from running elsewhere too. First, and not borne: see the module."""
        if self._cluster.step():
            self._recovery.begin_incarnation(self._cluster.hostname)

    def _check_database(self) -> None:
        has_changed = self._supervisor.check_database()
        if self._parts.gate.is_open:
            self._begin_to_write()
        if has_changed:
            self._reporter.tell_watchers()

    def _begin_to_write(self) -> None:
        """Renew the lease, tell of the dead and fetch releases, from now on."""
        if not self._writes:
            self._writes = True
            self._recovery.start()
            self._cluster.start()
            if self._parts.context.plan.database_url and not self._shutdown.has_begun:
                self._parts.releases.start()

    def _apply_overrides(self) -> None:
        if self._supervisor.apply_overrides(self._cluster.overrides):
            self._reporter.tell_watchers()

    def _tell_of_api_servers(self) -> None:
        if not self._shutdown.has_begun:
            self._parts.host.tell_of_api_servers(self._parts.components, self._cluster)

    def _look_at_import_errors(self) -> None:
        if self._parts.gate.is_open and self._parts.context.plan.database_url and not self._shutdown.has_begun:
            self._parts.host.import_errors.look()

    def _wait(self) -> None:
        """Wait for a word, a death or an answer, and act upon it."""
        is_busy = self._shutdown.has_begun or self._parts.components.are_busy()
        for key, _ in self._parts.selector.select(BUSY_PAUSE_SECONDS if is_busy else QUIET_PAUSE_SECONDS):
            with self._borne():
                key.data(key.fileobj)
        with self._borne():
            self._supervisor.reap()
        self._supervisor.take_answers()

    # --- requests of people --------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return the fleet now."""
        return self._reporter.snapshot()

    def stop(self, force: bool = False, drain_seconds: float | None = None) -> None:
        """End everything; with ``force`` without waiting, else running tasks may take so many seconds."""
        self._shutdown.was_requested = True
        self._begin_to_end(force, drain_seconds)

    def restart(self, name: str) -> None:
        """End one component, which is restarted; no name: retry those that were given up."""
        self._supervisor.restart(name)

    def order(self, host: str, orders: Mapping[str, Any]) -> None:
        """Override settings of a host; an empty name is this one."""
        self._cluster.override(host, orders)

    def bury(self, host: str) -> None:
        """Take over another host whose machine is off, as a person says."""
        self._cluster.bury(host)

    # --- beginning and end ---------------------------------------------------------------------------

    def _open(self, listener: socket.socket) -> ControlServer:
        parts, plan = self._parts, self._parts.context.plan
        signals.adopt_orphans()
        parts.wakeup.heed_signals()
        parts.selector.register(parts.wakeup.socket, selectors.EVENT_READ, self._woken)
        server = ControlServer(listener, parts.selector, self)
        self._reporter.tell_watchers = server.tell_watchers
        parts.context.log(Event.AGENT_STARTED, fleet=plan.fleet, pid=os.getpid())
        if parts.gate.is_open or parts.is_heir:  # an agent before this one found it fit, and the lease may not wait
            self._begin_to_write()
        parts.host.start()
        return server

    def _woken(self, _: socket.socket) -> None:
        if self._parts.wakeup.wants_end():
            self._begin_to_end(force=self._shutdown.has_begun)

    def _begin_to_end(self, force: bool, drain_seconds: float | None = None) -> None:
        if self._shutdown.begin(force, drain_seconds):
            self._parts.context.log(Event.FLEET_STOPPING, fleet=self._parts.context.plan.fleet)
            self._parts.releases.close()  # no run begins here any more, and the database may end first
            self._parts.sleepers.close()
        self._reporter.tell_watchers()

    def _finish(self, server: ControlServer) -> None:
        parts, name, below = self._parts, self._parts.context.fleet_id, os.getpid()
        grace_seconds = 0.0 if self._shutdown.forced else HIDDEN_GRACE_SECONDS
        process_tree.end(lambda: process_tree.find(name, below=below), grace_seconds=grace_seconds)
        parts.context.log(Event.FLEET_STOPPED, fleet=parts.context.plan.fleet)
        self._reporter.tell_watchers()
        server.close()
        self._recovery.close()
        parts.probes.close()
        parts.database.close()
        parts.host.close()
        self._cluster.close()
