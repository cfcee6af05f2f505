"""The parent of everything a fleet runs on this machine.

It starts the plan's components in the order of their needs, knows of a death the moment it
happens (it is their parent, or as a subreaper becomes it), starts them again, asks them how they
are, and ends them. One thread runs the loop; probes, which may block, run in others (see
:mod:`airfleet.agent.supervisor.probe_runner`). It never imports Airflow or user code, so it does not die with what
it watches.

An error that nobody expected is borne where it concerns one component, one word or one step, and said
once in the log: tasks run on while somebody looks for it. What keeps two hosts from running the same
attempts (:meth:`Agent._look_at_the_hosts`) and what ends the agent is not borne; without the first
the guard ends the attempts, which is right when nobody knows any more whether they may run.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from airfleet.agent import states
from airfleet.agent import status as snapshots
from airfleet.agent.cluster.incarnation import Life
from airfleet.agent.cluster.local_facts import OwnFacts
from airfleet.agent.cluster.membership import Membership
from airfleet.agent.cluster.quorum import EndAttempts
from airfleet.agent.cluster.reattach import NOTHING, Book, Inheritance
from airfleet.agent.cluster.watchdog import Guard, Permission, Remains, end_attempts, has_attempts
from airfleet.agent.control import Edited, Snapshot
from airfleet.agent.control_server import ControlServer
from airfleet.agent.database import fitness
from airfleet.agent.database.finding import Finding
from airfleet.agent.host import api_discovery
from airfleet.agent.host.disk_monitor import Disks
from airfleet.agent.host.environment import without
from airfleet.agent.host.import_errors import ImportErrorWatch
from airfleet.agent.host_facts import Facts
from airfleet.agent.recovery.job_fencing import Fencing
from airfleet.agent.recovery.outbox_relay import Untold
from airfleet.agent.recovery.result_uploader import Outcomes
from airfleet.agent.servers.embedded_servers import SYSTEM_STATE
from airfleet.agent.states import State
from airfleet.agent.supervisor import health_policy, process, restarts, signals
from airfleet.agent.supervisor.database_gate import DatabaseWatch, FirstLook
from airfleet.agent.supervisor.health_policy import Judge
from airfleet.agent.supervisor.overrides import API_SERVER, Orders
from airfleet.agent.supervisor.probe_runner import Prober
from airfleet.agent.supervisor.process import TEMPLATE_DESCRIPTOR, Running
from airfleet.agent.supervisor.retries import Retrying
from airfleet.agent.supervisor.scaling import Scaling
from airfleet.agent.supervisor.shutdown import DRAIN_SECONDS, end_in_order
from airfleet.agent.supervisor.worker_drain import Draining
from airfleet.agent.supervisor.zygote_client import TemplateLink
from airfleet.events import Event, Log, Surprises, in_words
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.planning.plan import Exec, Fork, Plan, Watch
from airfleet.spool import current_work
from airfleet.spool.outbox import FOLDER
from airfleet.system import host_name, process_tree

#: seconds between two turns of the loop when nothing happens: while something changes, and at rest
BUSY_PAUSE, QUIET_PAUSE = 0.05, 1.0

#: the fleet's own server of the database
POSTGRES = "postgres"
#: kinds of components that end when the database is away, and that a death of then is not held against
_OF_DATABASE = frozenset({"scheduler", "dag-processor", "triggerer", "api-server"})
#: a death this long before the database was found away may have come of it, seconds
FORGIVEN_SECONDS = 10.0

#: kinds of components that may run while this host has no lease: nothing of an attempt depends on its name
_WITHOUT_LEASE = frozenset(
    {"postgres", "valkey", "broker", "nginx", "template", "migrate", "objects", "api-server", "log-server"}
)


class Agent:
    """Runs one plan. ``clock`` counts seconds and never goes back."""

    def __init__(
        self,
        plan: Plan,
        paths: Paths,
        log: Log,
        clock: Callable[[], float] = time.monotonic,
        inherited: Inheritance = NOTHING,
        withheld: Collection[str] = (),
        may_migrate: bool = False,
        edits: Callable[[], Edited] = Edited,
        facts: OwnFacts | None = None,
    ) -> None:
        """``withheld``: names of variables that only the template, and so Airflow's components, may inherit.

        ``edits`` says what of fleet.yaml is not in force, ``facts`` what this host goes by.
        """
        self._plan = plan
        self._paths = paths
        self._log = log
        self._withheld = withheld
        #: what children inherit, tasks too
        self._environment = dict(os.environ)
        self._edits = edits
        self._facts = facts
        self._clock = clock
        self._began = clock()
        self._running = {
            c.name: Running(c, paths.log(c.name), self._changed, since=self._began) for c in plan.components
        }
        self._selector = selectors.DefaultSelector()
        self._wakeup = signals.Wakeup()
        self._prober = Prober(plan.database_url, self._wakeup.wake)
        self._database = DatabaseWatch(plan.database_url, self._wakeup.wake)
        needs = fitness.connections_of(plan)
        look = partial(fitness.look, plan.database_url, needs=needs, may_migrate=may_migrate)
        self._first_look = FirstLook(look, self._wakeup.wake)
        #: whether the database was found fit for this host, and whether anything is written to it
        self._is_fit = not plan.database_url
        self._writes = False
        self._goes_on = inherited.life is not None
        #: this host among others, in a fleet that has several
        self._membership = self._join(inherited.life)
        self._guard = inherited.guard or Guard(fleet_id(paths.home))
        #: whether all that was forked ends, to be started in another life of this host
        self._anew = False
        #: what people told this host; in a fleet with hosts the database keeps it
        self._ordered: dict[str, Any] = {}
        self._upstreams = api_discovery.Upstreams(plan, paths.airflow_home, log)
        self._outcomes = Outcomes(paths.outcomes, self._prober.database, clock)
        self._import_errors = ImportErrorWatch(self._prober.database, clock)
        #: tells the database of the dead, for others to act upon
        self._fencing = self._new_fencing()
        self._draining = Draining(clock)
        for worker in inherited.workers:
            self._draining.adopt(worker)
        places = (paths.home, paths.logs, paths.task_logs, SYSTEM_STATE / fleet_id(paths.home))
        self._disks = Disks(places, log, self._wakeup.wake)
        #: of what it was told that it is not well
        self._told_unwell: frozenset[str] = frozenset()
        self._book = Book(paths.processes, log, clock)
        #: what outlives the leaders of workers
        self._remains = Remains(self._has_attempts, clock)
        self._guard_is_missing = False
        self._surprises = Surprises("the agent's loop", log)
        self._scaling = Scaling(plan, paths, self._running, self._draining, self._changed, log, clock)
        self._retrying = Retrying(plan.pipelines, clock)
        self._judge = Judge(clock, self._replace)
        self._server: ControlServer | None = None
        self._template: TemplateLink | None = None
        self._stopping = False
        #: by who may ask; not by a signal, which may come from anywhere
        self._asked_to_end = False
        self._stopped_at = 0.0
        #: for how long, in seconds, running tasks may go on when all is to end
        self._drain_seconds = DRAIN_SECONDS
        self._forced = False
        self._ready_after: float | None = None
        self._done = False

    # --- the story -------------------------------------------------------------------------------

    def run(self, listener: socket.socket) -> None:
        """Bring the plan up and keep it up until somebody asks for the end."""
        signals.adopt_orphans()
        self._wakeup.heed_signals()
        self._selector.register(self._wakeup.socket, selectors.EVENT_READ, self._woken)
        self._server = ControlServer(listener, self._selector, self)
        self._log(Event.AGENT_STARTED, fleet=self._plan.fleet, pid=os.getpid())
        if self._is_fit or self._goes_on:  # an agent before this one found it fit, and the lease may not wait
            self._begin_to_write()
        self._disks.start()
        if self._facts:
            self._facts.start(self._log)
        while not self._done:
            self._look_at_the_hosts()
            for step in (
                self._look_at_the_database,
                self._obey_orders,
                self._tell_of_api_servers,
                self._start_what_can_start,
                self._ask_how_they_are,
                self._outcomes.look,
                self._look_at_import_errors,
                self._look_at_what_drains,
                self._write_down_again,
                self._tell_what_is_unwell,
            ):
                with self._surprises.borne():
                    step()
            self._end_what_must_end()
            self._wait_for_something()
        self._finish()

    def _look_at_import_errors(self) -> None:
        if self._is_fit and self._plan.database_url and not self._stopping:
            self._import_errors.look()

    def _begin_to_write(self) -> None:
        """Renew the lease and tell of the dead."""
        if self._writes:
            return
        self._writes = True
        if self._plan.database_url:
            self._fencing.start()
        if self._membership:
            self._membership.start()

    def stop(self, force: bool = False, drain_seconds: float | None = None) -> None:
        """End everything as somebody asks; with ``force`` without waiting, else running tasks may take so long."""
        self._asked_to_end = True
        self._begin_to_end(force, drain_seconds)

    def _begin_to_end(self, force: bool, drain_seconds: float | None = None) -> None:
        if not self._stopping:
            self._stopping = True
            self._stopped_at = self._clock()
            self._log(Event.FLEET_STOPPING, fleet=self._plan.fleet)
        self._forced = self._forced or force
        if drain_seconds is not None:  # whoever comes last may change it
            self._drain_seconds = drain_seconds
        self._tell_watchers()

    def restart(self, name: str) -> None:
        """End one component; it is started again as after any death. An unknown name is no one's.

        No name: try those again that were given up.
        """
        for given_up in [r for r in self._running.values() if r.state == State.GAVE_UP and not name]:
            given_up.given_up = 0
            self._try_again(given_up)
        running = self._running.get(name)
        if running is not None:
            process.ask_to_end(running)

    def order(self, host: str, orders: Mapping[str, Any]) -> None:
        """Tell a host what to do from now on; no name is this one."""
        if self._membership is not None:
            self._membership.order(host or self._plan.host, orders)
        elif host in ("", self._plan.host):
            self._ordered.update(orders)

    def bury(self, host: str) -> None:
        """Say that another host's machine is off."""
        if self._membership is not None:
            self._membership.bury(host)

    def _wait_for_something(self) -> None:
        busy = self._stopping or any(
            r.state in (State.STARTING, State.BACKOFF, State.WAITING) for r in self._running.values()
        )
        for key, _ in self._selector.select(BUSY_PAUSE if busy else QUIET_PAUSE):
            with self._surprises.borne():
                key.data(key.fileobj)
        with self._surprises.borne():
            self._reap()
        for answer in self._prober.answers():
            running = self._running.get(answer.name)  # a worker may be one too many by now
            if running is not None and running.pid == answer.pid:
                with self._bearing(running):
                    self._judge.judge(running, answer.verdict)

    @contextmanager
    def _bearing(self, running: Running) -> Iterator[None]:
        """What nobody expected of one component is seen at it, and is no end of the others."""
        try:
            yield
        except Exception as error:
            self._surprises.met(error)
            if running.component.kind == "template" and running.state == State.READY:
                return  # nothing asks it how it is, so nothing would find it well again
            running.reason = f"the agent failed at it: {in_words(error)}"
            if running.state == State.READY:
                running.move_to(State.DEGRADED, self._clock(), running.reason)
            elif running.state == State.STARTING and running.pid is None:
                self._died(running, running.reason)

    def _woken(self, _: socket.socket) -> None:
        if self._wakeup.wants_end():
            self._begin_to_end(force=self._stopping)

    # --- starting --------------------------------------------------------------------------------

    def _start_what_can_start(self) -> None:
        if self._stopping:
            return
        for running in self._running.values():
            with self._bearing(running):
                if running.state == State.BACKOFF and self._clock() >= running.wait_until:
                    running.move_to(State.WAITING, self._clock(), running.reason)
                if running.state == State.GAVE_UP and self._retrying.is_due(running):
                    self._try_again(running)
                if running.state == State.WAITING and self._needs_are_met(running):
                    self._start(running)

    def _look_at_the_database(self) -> None:
        """See whether this host may use it; until then nothing is started that would, and nothing is written."""
        server = self._running.get(POSTGRES)
        if self._is_fit or self._stopping or (server is not None and server.state not in states.FINE):
            return
        before = self._first_look.finding
        self._is_fit = self._first_look.is_fit(self._clock())
        if self._is_fit:
            self._begin_to_write()
        if self._first_look.finding != before:
            self._tell_watchers()

    def _try_again(self, running: Running) -> None:
        """Of one that was given up: what it died of may be gone."""
        self._log(Event.TRIED_AGAIN, component=running.name)
        running.deaths.clear()
        running.move_to(State.WAITING, self._clock(), running.reason)

    def _needs_are_met(self, running: Running) -> bool:
        if isinstance(running.component.start, Fork) and (self._template is None or not self._is_fit):
            return False
        if self._membership and not self._may_start(running, self._membership):
            return False
        if not all(self._running[need].state in states.FINE for need in running.component.needs):
            return False
        return not (running.was_ready and running.component.kind in _OF_DATABASE) or self._database_is_back(running)

    def _database_is_back(self, running: Running) -> bool:
        """Whether the database answers, since this one died; what it died of while it did not is forgiven."""
        now = self._clock()
        if self._database.answered_since(running.died, now):
            return True
        if self._database.trouble:
            running.deaths[:] = [death for death in running.deaths if now - death > FORGIVEN_SECONDS]
            running.reason = f"waits for the database: {self._database.trouble}"
        return False

    def _start(self, running: Running) -> None:
        now = self._clock()
        running.log_offset = running.log.stat().st_size if running.log.exists() else 0
        start = running.component.start
        if isinstance(start, Fork):
            assert self._template is not None  # see _needs_are_met
            running.ordered(now, time.time())
            running.move_to(State.STARTING, now)
            self._template.order(running.name, start, running.log)
            return
        running.move_to(State.STARTING, now)
        if isinstance(start, Watch):
            running.ordered(now, time.time())
            return
        try:
            pid = self._spawn(running, start)
        except OSError as refused:
            self._died(running, f"cannot be started: {refused.strerror} ({refused.filename or start.argv[0]})")
            return
        self._runs_now(running, pid)

    def _runs_now(self, running: Running, pid: int) -> None:
        running.began(pid, self._clock(), time.time())
        if running.component.kind == "worker":
            self._remains.worker_began()
        self._write_down()

    def _spawn(self, running: Running, start: Exec) -> int:
        environment = {**self._environment, process_tree.MARK: fleet_id(self._paths.home)}
        if running.component.kind != "template":
            told = without(environment, self._withheld)
            return process.spawn(start, running.log, told, self._plan.root)
        link = self._template = TemplateLink()
        self._selector.register(link.socket, selectors.EVENT_READ, lambda _: self._hear(link))
        with link.their_end() as descriptor:
            environment |= {**self._plan.environment, TEMPLATE_DESCRIPTOR: str(descriptor)}
            if self._membership:
                environment[host_name.HOST] = self._membership.hostname
            return process.spawn(start, running.log, environment, self._plan.root, fds=[descriptor])

    def _hear(self, link: TemplateLink) -> None:
        messages = link.read()
        self._take_words(messages or ())
        if messages is None:
            self._let_go(link)

    def _take_words(self, messages: Iterable[Mapping[str, Any]]) -> None:
        for message in messages:
            with self._surprises.borne():  # the next one tells of another process
                self._template_said(message)

    def _let_go(self, link: TemplateLink) -> None:
        self._selector.unregister(link.socket)
        link.close()
        if link is self._template:
            self._template = None

    def _template_said(self, message: Mapping[str, Any]) -> None:
        now = self._clock()
        if message["said"] == "ready":
            template = next(r for r in self._running.values() if r.component.kind == "template")
            if template.state == State.STARTING:
                template.move_to(State.READY, now)
            return
        running = self._running.get(message["name"])
        # The end, of this life or of all, may have come while it was being forked; or the order is one of another time.
        if running is None or self._anew or running.state != State.STARTING or running.pid is not None:
            _kill_fresh(message["pid"])
            return
        self._runs_now(running, message["pid"])
        self._changed(running)
        self._scaling.forked(running)

    # --- watching --------------------------------------------------------------------------------

    def _ask_how_they_are(self) -> None:
        now = self._clock()
        for running in self._running.values():
            with self._bearing(running):
                self._judge.end_when_too_slow(running)
                if running.component.kind == "template":  # which speaks for itself, or does not
                    self._judge.end_when_it_forks_nothing(running, self._orders_to_fork())
                elif not running.component.once:  # a step says by its end how it went
                    self._prober.ask(running, now)

    def _orders_to_fork(self) -> tuple[Running, ...]:
        """The components that the template was told to fork, and has not."""
        waiting = (r for r in self._running.values() if r.state == State.STARTING and r.pid is None)
        return tuple(r for r in waiting if isinstance(r.component.start, Fork))

    def _look_at_what_drains(self) -> None:
        for pid in self._draining.look():
            self._fencing.died("worker", "", pid)

    def _replace(self, running: Running, pid: int, reason: str) -> None:
        """Start another one at once; this one may finish what it has begun."""
        self._draining.add(pid)
        running.pid = None
        self._died(running, reason)
        self._write_down()

    # --- dying -----------------------------------------------------------------------------------

    def _reap(self) -> None:
        """Take note of every child that ended. A stranger is an orphan of some component."""
        for pid in signals.dead_children():
            running = self._by_pid(pid)
            if running is None and self._may_be_fresh(pid):
                return  # the template has not told us yet whose pid this is; the next turn knows
            _, status = os.waitpid(pid, 0)
            with self._surprises.borne():
                self._note_end(pid, status)
            if running is not None:
                with self._bearing(running):
                    self._ended(running, status)

    def _note_end(self, pid: int, status: int) -> None:
        self._guard.ended(pid)
        self._upstreams.ended(pid, status)
        if self._draining.ended(pid):
            self._fencing.died("worker", "", pid)

    def _by_pid(self, pid: int) -> Running | None:
        return next((r for r in self._running.values() if r.pid == pid), None)

    def _may_be_fresh(self, pid: int) -> bool:
        """Whether a dead child may be a component that was just forked: those lead a session of their own."""
        if self._template is None or not self._template.unanswered:
            return False
        self._hear(self._template)
        with contextlib.suppress(ProcessLookupError):
            return self._by_pid(pid) is not None or os.getsid(pid) == pid
        return False

    def _ended(self, running: Running, status: int) -> None:
        now = self._clock()
        pid, running.pid = running.pid, None
        if pid is not None:
            self._fencing.died(running.component.kind, running.name, pid)
            running.work = current_work.read(current_work.path_of(self._paths.airflow_home, running.name), pid)
        if running.component.kind == "template":
            self._forget_orders(now)
        if running.component.kind != "worker" and pid is not None:
            process.signal_group(pid, signal.SIGKILL)  # what a dead component started must not linger
        if running.state == State.STOPPING:
            running.move_to(State.STOPPED, now, running.reason)
        elif running.component.once and status == 0:
            running.move_to(State.DONE, now)
        else:
            self._died(running, health_policy.why_ended(running) or process.ended_sentence(status))

    def _forget_orders(self, now: float) -> None:
        """The template died, perhaps with orders unanswered: the next one gets them again."""
        if self._template is not None:
            while messages := self._template.read():  # before it died it may have obeyed some
                self._take_words(messages)
            self._let_go(self._template)
        for running in self._orders_to_fork():
            running.move_to(State.BACKOFF, now, "the template ended before it was forked")

    def _died(self, running: Running, how: str) -> None:
        now = self._clock()
        self._judge.died(running)
        running.died = now
        running.deaths.append(now)
        running.last_lines = process.last_lines(running.log, running.log_offset)
        running.error = process.last_error(running.log, running.log_offset)
        running.statement = process.last_statement(running.log, running.log_offset)
        self._log(Event.COMPONENT_DIED, component=running.name, how=how, restarts=len(running.deaths))
        if restarts.gives_up(running.deaths, running.was_ready, now):
            running.move_to(State.GAVE_UP, now, how)
        else:
            running.wait_until = now + restarts.wait_before_start(len(running.deaths))
            running.move_to(State.BACKOFF, now, how)

    # --- ending ----------------------------------------------------------------------------------

    def _end_what_must_end(self) -> None:
        if not self._stopping:
            return
        now, forced, drain_seconds = self._clock(), self._forced, self._drain_seconds
        # Workers that were replaced were told to end then, and get no longer than those that are told now.
        others_drain = bool(self._draining) and not forced and now - self._stopped_at < drain_seconds
        self._done = end_in_order(
            self._running.values(), now, forced=forced, drain_seconds=drain_seconds, others_drain=others_drain
        )

    def _finish(self) -> None:
        name, below = fleet_id(self._paths.home), os.getpid()
        process_tree.end(lambda: process_tree.find(name, below=below), grace_seconds=0.0 if self._forced else 5.0)
        self._log(Event.FLEET_STOPPED, fleet=self._plan.fleet)
        self._tell_watchers()
        if self._server is not None:
            self._server.close()
        self._fencing.close()
        self._prober.close()
        self._disks.close()
        if self._facts:
            self._facts.close()
        if self._membership:
            self._guard.close()
            self._membership.close(ended=True)

    # --- among other hosts -----------------------------------------------------------------------

    def _join(self, life: Life | None) -> Membership | None:
        plan = self._plan
        if plan.neighbours is None:
            return None
        tell, wake, found = self._told_to_others, self._wakeup.wake, self._facts
        return Membership(
            plan.host,
            plan.neighbours,
            plan.database_url,
            self._paths.boot,
            self._log,
            _boot_time,
            tell,
            wake,
            life,
            facts=(lambda: found.now) if found else Facts,
        )

    def _new_fencing(self) -> Fencing:
        name = self._membership.hostname if self._membership else host_name.host()
        told = Untold(self._paths.airflow_home / FOLDER, self._upstreams.urls, self._log)
        return Fencing(
            self._prober.database,
            name,
            self._paths.airflow_home,
            self._log,
            self._outcomes.carry,
            told.tell,
            self._plan.silence_seconds,
        )

    def _look_at_the_hosts(self) -> None:
        """Do what follows from how the other hosts are."""
        if self._membership is None:
            return
        for action in self._membership.look(runs=self._runs_attempts()):
            if isinstance(action, EndAttempts):
                self._end_attempts(action.why)
            elif not self._anew:
                self._end_this_life()
        if self._anew and not any(r.pid for r in self._running.values() if _is_forked(r)):
            self._start_anew(self._membership)
        if self._plan.neighbours and self._plan.neighbours.on_partition == "replace":
            seconds = self._membership.seconds_left() if self._runs_attempts() else math.inf
            self._permit(Permission(seconds, self._spared()))

    def _permit(self, permission: Permission) -> None:
        """Tell the guard; where none can be started (no memory, no process left), it is tried again."""
        try:
            self._guard.permit(permission)
            self._guard_is_missing = False
        except OSError as refused:
            if not self._guard_is_missing:
                self._log(Event.GUARD_MISSING, why=str(refused))
            self._guard_is_missing = True

    def _may_start(self, running: Running, membership: Membership) -> bool:
        if self._anew:
            return not _is_forked(running)
        if running.component.kind in _WITHOUT_LEASE or membership.may_start():
            return True
        running.reason = membership.trouble
        return False

    def _runs_attempts(self) -> bool:
        """Whether attempts may run here: there are workers, or what is left of some whose leaders are gone."""
        workers = any(r.component.kind == "worker" and r.pid for r in self._running.values())
        return self._remains.may_be(workers or bool(self._draining))

    def _has_attempts(self) -> bool:
        return has_attempts(fleet_id(self._paths.home), self._spared(), below=os.getpid())

    def _spared(self) -> frozenset[int]:
        """Everything that no attempt belongs to."""
        others = {r.pid for r in self._running.values() if r.pid and r.component.kind != "worker"}
        return frozenset({os.getpid(), *others, *([self._guard.pid] if self._guard.pid else [])})

    def _end_attempts(self, why: str) -> None:
        self._log(Event.ATTEMPTS_ENDED, why=why)
        for running in self._running.values():
            if running.component.kind == "worker":
                running.deaths.clear()  # no fault of its own
        end_attempts(fleet_id(self._paths.home), self._spared(), below=os.getpid())
        self._remains.ended()

    def _end_this_life(self) -> None:
        self._anew = True
        self._end_attempts("other hosts took this one over")
        for running in self._running.values():
            if _is_forked(running) and running.pid is not None:
                running.deaths.clear()
                process.signal_group(running.pid, signal.SIGKILL)

    def _start_anew(self, membership: Membership) -> None:
        self._anew = False
        # What the template forked as it died, and told nobody, is of the old life too.
        end_attempts(fleet_id(self._paths.home), self._spared(), below=os.getpid())
        self._remains.ended()
        membership.start_anew()
        self._fencing.close()
        self._fencing = self._new_fencing()
        self._fencing.start()
        self._log(Event.STARTED_ANEW, hostname=membership.hostname)

    # --- orders ----------------------------------------------------------------------------------

    def _obey_orders(self) -> None:
        """Run the workers and api-servers that this host was told to run."""
        if self._stopping:
            return
        told = self._membership.orders if self._membership else self._ordered
        if self._scaling.obey(Orders.read(told)):
            self._write_down()
            self._tell_watchers()

    def _tell_of_api_servers(self) -> None:
        """Have this host's tasks ask, and its nginx serve, the api-servers that there are now."""
        if self._stopping or not self._plan.execution_urls:
            return
        own = [r.component.address for r in self._running.values() if r.component.kind == API_SERVER]
        rows = self._membership.rows if self._membership else ()
        self._upstreams.look(own, rows)
        nginx = self._running.get("nginx")
        if nginx is not None and isinstance(nginx.component.start, Exec):
            self._upstreams.tell_nginx(nginx.component.start, nginx.pid)

    def _troubles(self) -> dict[str, str]:
        """What is wrong with the host itself."""
        clock = self._membership.clock_trouble if self._membership else ""
        finding = self._finding()
        database = finding.sentence.partition("\n")[0] if finding is not None else ""
        return {"disk": self._disks.trouble, "clock": clock, "database": database}

    def _tell_what_is_unwell(self) -> None:
        unwell = frozenset(part for part, why in self._troubles().items() if why)
        if unwell != self._told_unwell:
            self._told_unwell = unwell
            self._tell_watchers()

    def _told_to_others(self) -> list[dict[str, Any]]:
        """The components, for this host's row in the database. Called from a thread."""
        now = self._clock()
        running = [r.status(now) for r in list(self._running.values())]
        return [status.in_short() for status in (*running, *snapshots.unwell(self._troubles()))]

    # --- saying ----------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The fleet now. For the agent's own loop: between two of its steps a component may be half dead."""
        others = self._others()
        running = tuple(self._running.values())
        now = self._clock()
        return snapshots.snapshot(
            self._plan,
            self._paths,
            running,
            self._life(now),
            others,
            now,
            troubles=self._troubles(),
            orders=self._ordered,
            database=self._finding(),
            edited=self._edited(),
            import_errors=self._import_errors.found,
        )

    def _others(self) -> snapshots.Others | None:
        membership = self._membership
        if membership is None:
            return None
        refused = {**membership.refused, **({self._plan.host: membership.refusal} if membership.refusal else {})}
        return snapshots.Others(membership.rows, membership.age(), membership.differences, refused)

    def _finding(self) -> Finding | None:
        """What keeps this host from using the database."""
        return None if self._is_fit else self._first_look.finding

    def _edited(self) -> Edited:
        with self._surprises.borne():
            return self._edits()
        return Edited()

    def _life(self, now: float) -> snapshots.Life:
        return snapshots.Life(now - self._began, self._ready_after, self._stopping, self._done, self._asked_to_end)

    def _changed(self, running: Running) -> None:
        self._log(Event.COMPONENT_CHANGED, component=running.name, state=str(running.state), reason=running.reason)
        if running.state == State.GAVE_UP:  # also one that is only watched, which its probe gives up
            self._retrying.gave_up(running)
        now = self._clock()
        if self._ready_after is None and not self._stopping and self._is_ready(now):
            self._ready_after = now - self._began
            self._log(Event.FLEET_READY, fleet=self._plan.fleet, seconds=round(self._ready_after, 2))
        self._tell_watchers()

    def _is_ready(self, now: float) -> bool:
        return self._is_fit and snapshots.state(self._running.values(), self._life(now)) == "ready"

    def _tell_watchers(self) -> None:
        if self._server is not None:
            self._server.tell_watchers()

    def _write_down(self) -> None:
        kinds = {r.pid: r.component.kind for r in self._running.values() if r.pid}
        self._book.write(kinds | dict.fromkeys(self._draining.pids, "worker"))

    def _write_down_again(self) -> None:
        if self._book.is_due:
            self._write_down()


def _is_forked(running: Running) -> bool:
    return isinstance(running.component.start, Fork) or running.component.kind == "template"


def _kill_fresh(pid: int) -> None:
    """End a component that was just forked, and perhaps has no session of its own yet."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    process.signal_group(pid, signal.SIGKILL)


def _boot_time() -> float:
    """Seconds that pass also while the machine sleeps, as they do for the leases."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
