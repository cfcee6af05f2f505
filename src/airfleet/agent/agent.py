"""The parent of everything a fleet runs on this machine.

It starts the plan's components in the order of their needs, knows of a death the moment it
happens (it is their parent, or as a subreaper becomes it), starts them again, asks them how they
are, and ends them. One thread runs the loop; probes, which may block, run in a few others and
report back through a pipe. It never imports Airflow or user code, so it does not die with what
it watches.

Order of the end: workers, scheduler and the like first (a task that ends must still reach the
api-server), then api-server and template, then the servers.
"""

from __future__ import annotations

import ctypes
import json
import os
import queue
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from airfleet.agent import health, leftovers, memory, process, restarts, states
from airfleet.agent.control import ComponentStatus, Snapshot
from airfleet.agent.process import TEMPLATE_DESCRIPTOR, Running
from airfleet.agent.states import State
from airfleet.events import Event, Log
from airfleet.fleet.paths import Paths, fleet_id
from airfleet.fleet.plan import Exec, Fork, Plan

#: seconds between two probes of a component that is not ready yet, and of one that is
STARTING_PROBE_SECONDS = 0.15
READY_PROBE_SECONDS = 5.0
#: seconds that a failing probe of a ready component is borne before it is called degraded
PATIENCE_SECONDS = 15.0

#: how the reason of a component begins that was ended because it did not get ready in time
TOO_SLOW = "was not ready after"

_PR_SET_CHILD_SUBREAPER = 36

#: components that end together, in this order; kinds not named are in the first group
_LATE = {"api-server": 1, "template": 1, "valkey": 2, "postgres": 2}


@dataclass(frozen=True)
class _Verdict:
    name: str
    pid: int
    verdict: health.Verdict


class Agent:
    """Runs one plan. ``clock`` counts seconds and never goes back."""

    def __init__(self, plan: Plan, paths: Paths, log: Log, clock: Callable[[], float] = time.monotonic) -> None:
        self._plan = plan
        self._paths = paths
        self._log = log
        self._clock = clock
        self._began = clock()
        self._running = {
            c.name: Running(c, paths.log(c.name), self._changed, since=self._began) for c in plan.components
        }
        self._selector = selectors.DefaultSelector()
        self._verdicts: queue.SimpleQueue[_Verdict] = queue.SimpleQueue()
        self._probers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="probe")
        self._asked: dict[str, float] = {}
        self._well_at: dict[str, float] = {}
        self._in_flight: set[str] = set()
        self._template: socket.socket | None = None
        self._half_line = b""
        self._ordered: dict[str, float] = {}
        self._watchers: set[socket.socket] = set()
        self._stopping_since: float | None = None
        self._forced = False
        self._ready_after: float | None = None
        self._done = False

    # --- the story -------------------------------------------------------------------------------

    def run(self, listener: socket.socket) -> None:
        """Bring the plan up and keep it up until somebody asks for the end."""
        self._become_reaper()
        self._listen(listener)
        self._log(Event.AGENT_STARTED, fleet=self._plan.fleet, pid=os.getpid())
        while not self._done:
            self._start_what_can_start()
            self._ask_how_they_are()
            self._end_what_must_end()
            self._wait_for_something()
        self._finish()

    def stop(self, force: bool = False) -> None:
        """Begin to end everything; with ``force`` without waiting for anything."""
        if self._stopping_since is None:
            self._stopping_since = self._clock()
            self._log(Event.FLEET_STOPPING, fleet=self._plan.fleet)
        self._forced = self._forced or force
        self._tell_watchers()

    # --- starting --------------------------------------------------------------------------------

    def _start_what_can_start(self) -> None:
        if self._stopping_since is not None:
            return
        for running in self._running.values():
            if running.state == State.BACKOFF and self._clock() >= running.wait_until:
                running.move_to(State.WAITING, self._clock(), running.reason)
            if running.state == State.WAITING and self._needs_are_met(running):
                self._start(running)

    def _needs_are_met(self, running: Running) -> bool:
        if isinstance(running.component.start, Fork) and self._template is None:
            return False
        return all(self._running[need].state in states.FINE for need in running.component.needs)

    def _start(self, running: Running) -> None:
        now = self._clock()
        running.log_offset = running.log.stat().st_size if running.log.exists() else 0
        start = running.component.start
        if isinstance(start, Fork):
            self._order_fork(running, start)
            return
        try:
            pid = self._spawn(running, start)
        except OSError as refused:
            running.move_to(State.STARTING, now)
            self._died(running, f"cannot be started: {refused.strerror} ({refused.filename or start.argv[0]})")
            return
        running.began(pid, now, time.time())
        running.move_to(State.STARTING, now)
        self._write_down()

    def _spawn(self, running: Running, start: Exec) -> int:
        environment = {**os.environ, leftovers.MARK: fleet_id(self._paths.home)}
        if running.component.kind != "template":
            return process.spawn(start, running.log, environment, self._plan.root)
        ours, theirs = socket.socketpair()
        self._template, self._half_line = ours, b""
        ours.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ, self._template_spoke)
        with theirs:
            environment |= {**self._plan.environment, TEMPLATE_DESCRIPTOR: str(theirs.fileno())}
            return process.spawn(start, running.log, environment, self._plan.root, fds=[theirs.fileno()])

    def _order_fork(self, running: Running, start: Fork) -> None:
        now = self._clock()
        order = {
            "do": "fork",
            "name": running.name,
            "entry": start.entry,
            "options": dict(start.options),
            "settings": start.settings,
            "log": str(running.log),
        }
        running.pid = None
        if running.first_start is None:
            running.first_start = now
        running.started, running.started_at = now, time.time()
        self._ordered[running.name] = now
        running.move_to(State.STARTING, now)
        self._tell_template(order)

    def _tell_template(self, order: Mapping[str, Any]) -> None:
        assert self._template is not None
        try:
            self._template.setblocking(True)
            self._template.sendall(json.dumps(order).encode() + b"\n")
            self._template.setblocking(False)
        except OSError:
            pass  # it died; its death is seen as such, and the order is given again to the next one

    def _template_spoke(self, connection: socket.socket) -> None:
        try:
            received = connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._selector.unregister(connection)
            connection.close()
            self._template = None
            return
        *lines, self._half_line = (self._half_line + received).split(b"\n")
        for line in lines:
            self._template_said(json.loads(line))

    def _template_said(self, message: Mapping[str, Any]) -> None:
        now = self._clock()
        template = next(r for r in self._running.values() if r.component.kind == "template")
        if message["said"] == "ready":
            template.move_to(State.READY, now)
        elif message["said"] == "forked":
            running = self._running[message["name"]]
            self._ordered.pop(running.name, None)
            running.began(message["pid"], now, time.time())
            self._write_down()
            if running.state == State.STOPPING:  # the order to end came while it was being forked
                process.signal_group(message["pid"], running.component.stop_signal)
            self._changed(running)

    # --- watching --------------------------------------------------------------------------------

    def _ask_how_they_are(self) -> None:
        now = self._clock()
        for running in self._running.values():
            if running.pid is None or running.component.once or running.component.kind == "template":
                self._judge_slow_start(running, now)
                continue
            if running.state not in (State.STARTING, State.READY, State.DEGRADED) or running.name in self._in_flight:
                continue
            pause = STARTING_PROBE_SECONDS if running.state == State.STARTING else READY_PROBE_SECONDS
            if now - self._asked.get(running.name, -pause) >= pause:
                self._asked[running.name] = now
                self._in_flight.add(running.name)
                self._probers.submit(self._probe, running.name, running.pid, running)
            self._judge_slow_start(running, now)

    def _probe(self, name: str, pid: int, running: Running) -> None:
        subject = health.Subject(pid, running.started_at, self._plan.database_url)
        self._verdicts.put(_Verdict(name, pid, health.ask(running.component.probe, subject)))
        self._wake()

    def _take_verdicts(self) -> None:
        while not self._verdicts.empty():
            answer = self._verdicts.get()
            running = self._running[answer.name]
            self._in_flight.discard(answer.name)
            if running.pid == answer.pid:
                self._judge(running, answer.verdict)

    def _judge(self, running: Running, verdict: health.Verdict) -> None:
        now = self._clock()
        if verdict.well:
            self._well_at[running.name] = now
            if running.state in (State.STARTING, State.DEGRADED):
                running.move_to(State.READY, now)
            if now - running.since > restarts.HEALED_AFTER:
                running.deaths.clear()
        elif running.state == State.STARTING:
            running.reason = verdict.reason
        elif running.state == State.READY and now - self._well_at.get(running.name, now) > PATIENCE_SECONDS:
            running.move_to(State.DEGRADED, now, verdict.reason)

    def _judge_slow_start(self, running: Running, now: float) -> None:
        limit = running.component.start_seconds
        if running.state != State.STARTING or running.pid is None or now - running.started <= limit:
            return
        if not running.reason.startswith(TOO_SLOW):  # it may take another turn of the loop to be gone
            running.reason = f"{TOO_SLOW} {limit:.0f} s: {running.reason or 'it did not say why'}"
            process.signal_group(running.pid, signal.SIGKILL)

    # --- dying -----------------------------------------------------------------------------------

    def _reap(self) -> None:
        """Take note of every child that ended. A stranger is an orphan of some component."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            known = next((r for r in self._running.values() if r.pid == ended.si_pid), None)
            if known is None and self._ordered and self._template_alive():
                # It may be a component whose pid the template has not told us yet: ask again then.
                self._read_template()
                known = next((r for r in self._running.values() if r.pid == ended.si_pid), None)
                if known is None and not self._is_orphan(ended.si_pid):
                    return
            _, status = os.waitpid(ended.si_pid, 0)
            if known is not None:
                self._ended(known, status)

    def _template_alive(self) -> bool:
        return any(r.component.kind == "template" and r.state in states.ALIVE for r in self._running.values())

    def _is_orphan(self, pid: int) -> bool:
        """Whether a dead child cannot be a fresh component: those lead a session of their own."""
        try:
            return os.getsid(pid) != pid
        except ProcessLookupError:
            return True

    def _read_template(self) -> None:
        if self._template is not None and self._template.fileno() >= 0:
            self._template_spoke(self._template)

    def _ended(self, running: Running, status: int) -> None:
        now = self._clock()
        pid, running.pid = running.pid, None
        if running.component.kind == "template":
            self._forget_orders(now)
        if running.component.kind != "worker" and pid is not None:
            process.signal_group(pid, signal.SIGKILL)  # what a dead component started must not linger
        if running.state == State.STOPPING:
            running.move_to(State.STOPPED, now)
        elif running.component.once and status == 0:
            running.move_to(State.DONE, now)
        else:
            slow = running.reason if running.reason.startswith(TOO_SLOW) else ""
            self._died(running, slow or process.ended_sentence(status))

    def _forget_orders(self, now: float) -> None:
        """The template died with orders unanswered: give them to the next one."""
        for name in list(self._ordered):
            del self._ordered[name]
            if self._running[name].state == State.STARTING:
                self._running[name].move_to(State.BACKOFF, now, "the template ended before it was forked")

    def _died(self, running: Running, how: str) -> None:
        now = self._clock()
        running.deaths.append(now)
        running.last_lines = process.last_lines(running.log, running.log_offset)
        self._log(Event.COMPONENT_DIED, component=running.name, how=how, restarts=len(running.deaths))
        if restarts.gives_up(running.deaths, running.was_ready, now):
            running.move_to(State.GAVE_UP, now, how)
        else:
            running.wait_until = now + restarts.wait_before_start(len(running.deaths))
            running.move_to(State.BACKOFF, now, how)

    # --- ending ----------------------------------------------------------------------------------

    def _end_what_must_end(self) -> None:
        if self._stopping_since is None:
            return
        groups: dict[int, list[Running]] = {}
        for running in self._running.values():
            groups.setdefault(_LATE.get(running.component.kind, 0), []).append(running)
        for stage in sorted(groups):
            # All of the group are asked before we wait for any of them.
            ended = [self._end(running) for running in groups[stage]]
            if not all(ended):
                return
        self._done = True

    def _end(self, running: Running) -> bool:
        """Bring one component nearer to its end; True when it is there."""
        now = self._clock()
        if running.state in (State.WAITING, State.BACKOFF, State.DONE, State.GAVE_UP):
            running.move_to(State.STOPPED, now)
        elif running.state in (State.STARTING, State.READY, State.DEGRADED):
            running.move_to(State.STOPPING, now)
            if running.pid is not None:
                self._ask_to_end(running)
        elif running.state == State.STOPPING:
            self._end_by_force_when_late(running, now)
        return running.state == State.STOPPED

    def _ask_to_end(self, running: Running) -> None:
        assert running.pid is not None
        try:
            # The leader alone: Celery's children must not be told, they have tasks to finish.
            os.kill(running.pid, running.component.stop_signal)
        except ProcessLookupError:
            pass  # it has just ended; the reaper will say so

    def _end_by_force_when_late(self, running: Running, now: float) -> None:
        if running.pid is None:
            if running.name not in self._ordered or now - self._ordered[running.name] > 30.0 or self._forced:
                self._ordered.pop(running.name, None)
                running.move_to(State.STOPPED, now)
            return
        if self._forced or now - running.since > running.component.grace_seconds:
            process.signal_group(running.pid, signal.SIGKILL)

    def _finish(self) -> None:
        name, below = fleet_id(self._paths.home), os.getpid()
        leftovers.end(lambda: leftovers.find(name, below=below), grace_seconds=0.0 if self._forced else 5.0)
        self._log(Event.FLEET_STOPPED, fleet=self._plan.fleet)
        self._tell_watchers()
        for watcher in list(self._watchers):
            watcher.close()
        self._probers.shutdown(wait=False, cancel_futures=True)

    # --- the loop's ears -------------------------------------------------------------------------

    def _become_reaper(self) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._wake_read, self._wake_write = socket.socketpair()
        for end in (self._wake_read, self._wake_write):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._woken)

    def _woken(self, connection: socket.socket) -> None:
        numbers = set(connection.recv(4096))
        if numbers & {signal.SIGTERM, signal.SIGINT}:
            self.stop(force=self._stopping_since is not None)

    def _wake(self) -> None:
        try:
            self._wake_write.send(b"\0")
        except BlockingIOError:
            pass  # it is awake enough

    def _wait_for_something(self) -> None:
        for key, _ in self._selector.select(self._pause()):
            key.data(key.fileobj)
        self._reap()
        self._take_verdicts()

    def _pause(self) -> float:
        if self._stopping_since is not None or any(
            r.state in (State.STARTING, State.BACKOFF, State.WAITING) for r in self._running.values()
        ):
            return 0.05
        return 1.0

    def _listen(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        self._selector.register(client, selectors.EVENT_READ, self._requested)

    def _requested(self, client: socket.socket) -> None:
        try:
            line = client.recv(4096)
            request = json.loads(line) if line else None
        except (OSError, ValueError):
            request = None
        if not isinstance(request, dict):
            self._hang_up(client)
            return
        self._serve(client, request)

    def _serve(self, client: socket.socket, request: Mapping[str, Any]) -> None:
        match request.get("do"):
            case "status":
                # Reading memory takes a while on a large fleet: not in the loop.
                self._selector.unregister(client)
                threading.Thread(
                    target=self._answer_status, args=(client, bool(request.get("memory"))), daemon=True
                ).start()
                return
            case "stop":
                self._watchers.add(client)
                self.stop(force=bool(request.get("force")))
            case "watch":
                self._watchers.add(client)
            case "restart":
                self._restart(str(request.get("name")))
                self._watchers.add(client)
            case _:
                self._hang_up(client)
                return
        self._send(client, self.snapshot())

    def _restart(self, name: str) -> None:
        running = self._running.get(name)
        if running is not None and running.pid is not None:
            self._ask_to_end(running)

    def _answer_status(self, client: socket.socket, with_memory: bool) -> None:
        client.setblocking(True)
        with client:
            self._send(client, self.snapshot(with_memory))

    def _hang_up(self, client: socket.socket) -> None:
        self._watchers.discard(client)
        try:
            self._selector.unregister(client)
        except (KeyError, ValueError):
            pass
        client.close()

    # --- saying ----------------------------------------------------------------------------------

    def snapshot(self, with_memory: bool = False) -> Snapshot:
        """The fleet now."""
        now = self._clock()
        used = memory.of_sessions([r.pid for r in self._running.values() if r.pid]) if with_memory else {}
        components = tuple(r.status(now, used.get(r.pid or 0)) for r in self._running.values())
        if with_memory:
            components = (self._own_status(now), *components)
        return Snapshot(
            fleet=self._plan.fleet,
            state=self._state(),
            pid=os.getpid(),
            home=str(self._paths.home),
            url=self._plan.url,
            user=self._plan.user,
            password_file=str(self._paths.password),
            elapsed=now - self._began,
            ready_after=self._ready_after,
            components=components,
            problem=self._problem(),
        )

    def _own_status(self, now: float) -> ComponentStatus:
        used = memory.of_process(os.getpid())
        since = now - self._began
        return ComponentStatus("agent", "agent", State.READY, pid=os.getpid(), since=since, memory_mb=used)

    def _state(self) -> str:
        found = {r.state for r in self._running.values()}
        if self._done:
            return "stopped"
        if self._stopping_since is not None:
            return "stopping"
        if State.GAVE_UP in found:
            return "failed"
        if found <= states.FINE:
            return "ready"
        return "starting" if self._ready_after is None else "degraded"

    def _problem(self) -> str:
        failed = [r for r in self._running.values() if r.state == State.GAVE_UP]
        return "; ".join(f"{r.name} {r.reason}" for r in failed)

    def _changed(self, running: Running) -> None:
        self._log(Event.COMPONENT_CHANGED, component=running.name, state=str(running.state), reason=running.reason)
        if self._ready_after is None and self._stopping_since is None and self._state() == "ready":
            self._ready_after = self._clock() - self._began
            self._log(Event.FLEET_READY, fleet=self._plan.fleet, seconds=round(self._ready_after, 2))
        self._tell_watchers()

    def _tell_watchers(self) -> None:
        if self._watchers:
            snapshot = self.snapshot()
            for watcher in list(self._watchers):
                self._send(watcher, snapshot)

    def _send(self, client: socket.socket, snapshot: Snapshot) -> None:
        try:
            client.sendall(json.dumps(snapshot.to_json()).encode() + b"\n")
        except OSError:
            self._hang_up(client)

    def _write_down(self) -> None:
        leftovers.write_down(self._paths.processes, (r.pid for r in self._running.values() if r.pid))
