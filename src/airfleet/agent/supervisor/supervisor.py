"""The supervisor: the parent of every component, which starts, probes, restarts and ends it.

It knows of a death the moment it happens: it is the parent of each process, or as a subreaper becomes it. An error that
nobody expected is borne where it concerns one component, shown at it, and logged once; the others go on.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from airfleet.agent import states
from airfleet.agent.cluster.member import ClusterRole
from airfleet.agent.cluster.reattach import ProcessRecord
from airfleet.agent.context import AgentContext
from airfleet.agent.states import Reason, State
from airfleet.agent.supervisor import process, restarts, signals
from airfleet.agent.supervisor.components import WORKER, ZYGOTE, Components, is_forked
from airfleet.agent.supervisor.database_gate import DatabaseGate
from airfleet.agent.supervisor.health_policy import HealthPolicy
from airfleet.agent.supervisor.launcher import Environments, Launcher
from airfleet.agent.supervisor.overrides import HostOverrides
from airfleet.agent.supervisor.probe_runner import ProbeRunner
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.reasons import AgentFailed, Kill, NoLease, WaitsForDatabase, exit_of
from airfleet.agent.supervisor.retries import Retries
from airfleet.agent.supervisor.scaling import Scaling
from airfleet.agent.supervisor.shutdown import Shutdown
from airfleet.agent.supervisor.zygote_client import Zygotes
from airfleet.events import Event, in_words
from airfleet.fleet.planning.plan import Fork
from airfleet.spool import current_work

#: the fleet's own server of the database
POSTGRES = "postgres"
#: kinds of components that end when the database is away; a death of then is not held against them
_OF_DATABASE = frozenset({"scheduler", "dag-processor", "triggerer", "api-server"})
#: seconds: a death this long before the database was found away may have come of it
FORGIVEN_SECONDS = 10.0


class SleepControl(Protocol):
    """The components that sleep; see :class:`airfleet.agent.sleep.sleepers.Sleepers`."""

    def wake(self) -> None:
        """Have the components start that have work."""

    def wake_for_person(self, name: str) -> bool:
        """Have a component start that sleeps; tell whether it did."""

    def starts_asleep(self, running: Running) -> bool:
        """Tell whether a component that waits for its first start sleeps instead."""

    def falls_asleep(self, running: Running, pid: int | None, exit_code: int) -> bool:
        """Tell whether a process has ended because it had nothing to do; the component sleeps then."""

    def listener(self, name: str) -> int | None:
        """Return the descriptor of the socket that a component inherits; None without one."""


class Supervisor:
    """Runs the components of one host. The agent's loop calls its steps; none of them blocks."""

    def __init__(
        self,
        context: AgentContext,
        components: Components,
        shutdown: Shutdown,
        gate: DatabaseGate,
        cluster: ClusterRole,
        probes: ProbeRunner,
        selector: selectors.BaseSelector,
        environments: Environments,
        sleepers: SleepControl,
        reaped: Callable[[int, int], None],
        died: Callable[[str, str, int], None],
    ) -> None:
        """Take the parts; ``reaped`` gets pid and status of each child, ``died`` kind, name and pid of a component."""
        self._context, self._log, self._clock = context, context.log, context.clock
        self._components = components
        self._shutdown = shutdown
        self._gate = gate
        self._cluster = cluster
        self._probes = probes
        self._sleepers = sleepers
        self._reaped = reaped
        self._tell_of_death = died
        self._retries = Retries(lambda: context.code, context.clock)
        self._policy = HealthPolicy(context.clock, self._replace)
        self._record = ProcessRecord(context.paths.processes, context.log, context.clock)
        self._scaling = Scaling(context, components)
        self._zygotes = Zygotes(context, components, selector, self.forked, lambda: cluster.ends_incarnation)
        self._launcher = Launcher(
            context, self._zygotes, cluster, environments, sleepers.listener, self.began, self.died
        )
        components.listeners.append(self._note_change)

    # --- steps of the loop ---------------------------------------------------------------------------

    def check_database(self) -> bool:
        """Look whether this host may use the database; tell whether that is another answer than before."""
        server = self._components.get(POSTGRES)
        if self._shutdown.has_begun or (server is not None and server.state not in states.FINE):
            return False
        return self._gate.look()

    def apply_overrides(self, overrides: Mapping[str, object]) -> bool:
        """Run the workers and api-servers that the overrides ask for; tell whether there are others than before."""
        if self._shutdown.has_begun or not self._scaling.apply(HostOverrides.read(overrides)):
            return False
        self._write_down()
        return True

    def start_due(self) -> None:
        """Start every component whose time has come and whose needs are met."""
        if self._shutdown.has_begun:
            return
        self._sleepers.wake()
        for running in self._components:
            with self._bearing(running):
                if running.state == State.BACKOFF and self._clock() >= running.wait_until:
                    running.move_to(State.WAITING, self._clock(), running.reason)
                if running.state == State.GAVE_UP and self._retries.is_due(running):
                    self._retry(running)
                if running.state == State.WAITING and self._may_start(running):
                    self._start(running)

    def probe(self) -> None:
        """Kill what is late or stalls; begin the probes that are due."""
        now = self._clock()
        for running in self._components:
            with self._bearing(running):
                self._policy.kill_when_late(running)
                if running.component.kind == ZYGOTE:  # which speaks for itself, or does not
                    self._policy.kill_stalled_zygote(running, self._components.unforked())
                elif not running.component.once:  # a step says by its end how it went
                    self._probes.ask(running, now)

    def end_drained(self) -> None:
        """Kill drained workers that do not end; report those of an earlier agent that have."""
        for pid in self._components.drain.look():
            self._tell_of_death(WORKER, "", pid)

    def write_down_again(self) -> None:
        """Write the list of processes again, where the disk refused it."""
        if self._record.is_due:
            self._write_down()

    def end(self) -> None:
        """Bring the components nearer to their end, once the shutdown has begun."""
        self._shutdown.advance(self._components, workers_drain=bool(self._components.drain))

    def reap(self) -> None:
        """Note every child that ended. A stranger is an orphan of some component."""
        for pid in signals.dead_children():
            running = self._components.by_pid(pid)
            if running is None and self._zygotes.may_have_forked(pid):
                return  # the zygote has not told us yet whose pid this is; the next turn knows
            _, status = os.waitpid(pid, 0)
            with self._context.surprises.borne():
                self._reaped(pid, status)
                if self._components.drain.ended(pid):
                    self._tell_of_death(WORKER, "", pid)
            if running is not None:
                with self._bearing(running):
                    self.ended(running, status)

    def take_answers(self) -> None:
        """Apply the health policy to the probes that came back."""
        for answer in self._probes.answers():
            running = self._components.get(answer.name)  # a worker may be one too many by now
            if running is not None and running.pid == answer.pid:
                with self._bearing(running):
                    self._policy.apply(running, answer.result)

    # --- requests of people --------------------------------------------------------------------------

    def restart(self, name: str) -> None:
        """End one component, which is restarted as after any death; an unknown name is no one's.

        No name: retry the components that were given up.
        """
        for given_up in [r for r in self._components if r.state == State.GAVE_UP and not name]:
            given_up.given_up = 0
            self._retry(given_up)
        running = self._components.get(name)
        if running is not None and not self._sleepers.wake_for_person(name):
            process.ask_to_end(running)

    # --- starts --------------------------------------------------------------------------------------

    def _start(self, running: Running) -> None:
        if not self._sleepers.starts_asleep(running):
            self._launcher.start(running)

    def _may_start(self, running: Running) -> bool:
        # In this order: the reason that is shown is that of the first gate that is closed.
        return (
            self._can_be_forked(running)
            and self._lease_allows(running)
            and all(self._components.by_name[need].state in states.FINE for need in running.component.needs)
            and self._database_allows(running)
        )

    def _can_be_forked(self, running: Running) -> bool:
        is_fork = isinstance(running.component.start, Fork)
        return not is_fork or (self._zygotes.link is not None and self._gate.is_open)

    def _lease_allows(self, running: Running) -> bool:
        obstacle = self._cluster.obstacle(running.component.kind, forked=is_forked(running))
        if obstacle is not None:
            running.reason = NoLease(obstacle)
        return obstacle is None

    def _database_allows(self, running: Running) -> bool:
        """Tell whether the database has answered since this one died; forgive deaths while it did not."""
        if not running.was_ready or running.component.kind not in _OF_DATABASE:
            return True
        if self._gate.answered_since(running.died):
            return True
        if self._gate.trouble:
            now = self._clock()
            running.deaths[:] = [death for death in running.deaths if now - death > FORGIVEN_SECONDS]
            running.reason = WaitsForDatabase(self._gate.trouble)
        return False

    def _retry(self, running: Running) -> None:
        """Start a component again that was given up: the cause may be gone."""
        self._log(Event.TRIED_AGAIN, component=running.name)
        running.deaths.clear()
        running.move_to(State.WAITING, self._clock(), running.reason)

    def began(self, running: Running, pid: int) -> None:
        """Note the new process of a component."""
        running.began(pid, self._clock(), time.time())
        if running.component.kind == WORKER:
            self._cluster.worker_began()
        self._write_down()

    def forked(self, running: Running, pid: int) -> None:
        """Note the process that the zygote has forked for a component."""
        self.began(running, pid)
        self._components.changed(running)
        self._scaling.forked(running)

    # --- deaths --------------------------------------------------------------------------------------

    def ended(self, running: Running, status: int) -> None:
        """Decide what follows from the end of a component's process; ``status`` is its wait status."""
        now = self._clock()
        pid, running.pid = running.pid, None
        if self._sleepers.falls_asleep(running, pid, os.waitstatus_to_exitcode(status)):
            self._write_down()
            return
        if pid is not None:
            self._tell_of_death(running.component.kind, running.name, pid)
            mark = current_work.path_of(self._context.paths.airflow_home, running.name)
            running.work = current_work.read(mark, pid)
        if running.component.kind == ZYGOTE:
            self._zygotes.died()
        if running.component.kind != WORKER and pid is not None:
            process.signal_group(pid, signal.SIGKILL)  # what a dead component started must not linger
        if running.state == State.STOPPING:
            running.move_to(State.STOPPED, now, running.reason)
        elif running.component.once and status == 0:
            running.move_to(State.DONE, now)
        else:
            self.died(running, running.reason if isinstance(running.reason, Kill) else exit_of(status))

    def died(self, running: Running, how: Reason | None) -> None:
        """Keep the last words of a component, and restart it after a while or give it up."""
        now = self._clock()
        self._policy.forget(running)
        running.died = now
        running.deaths.append(now)
        running.last_lines = process.last_lines(running.log, running.log_offset)
        running.error = process.last_error(running.log, running.log_offset)
        running.statement = process.last_statement(running.log, running.log_offset)
        self._log(Event.COMPONENT_DIED, component=running.name, how=str(how or ""), restarts=len(running.deaths))
        if restarts.gives_up(running.deaths, running.was_ready, now):
            running.move_to(State.GAVE_UP, now, how)
        else:
            running.wait_until = now + restarts.wait_before_start(len(running.deaths))
            running.move_to(State.BACKOFF, now, how)

    def _replace(self, running: Running, pid: int, reason: Reason | None) -> None:
        """Start another worker at once; this one may finish what it has begun."""
        self._components.drain.add(pid)
        running.pid = None
        self.died(running, reason)
        self._write_down()

    @contextmanager
    def _bearing(self, running: Running) -> Iterator[None]:
        """Show an unexpected error at the component that it concerns; the others go on."""
        try:
            yield
        except Exception as error:
            self._context.surprises.met(error)
            if running.component.kind == ZYGOTE and running.state == State.READY:
                return  # nothing asks it how it is, so nothing would find it well again
            running.reason = AgentFailed(in_words(error))
            if running.state == State.READY:
                running.move_to(State.DEGRADED, self._clock(), running.reason)
            elif running.state == State.STARTING and running.pid is None:
                self.died(running, running.reason)

    def _note_change(self, running: Running) -> None:
        reason = str(running.reason or "")
        self._log(Event.COMPONENT_CHANGED, component=running.name, state=str(running.state), reason=reason)
        if running.state == State.GAVE_UP:  # also one that is only watched, which its probe gives up
            self._retries.gave_up(running)

    def _write_down(self) -> None:
        self._record.write(self._components.pids())
