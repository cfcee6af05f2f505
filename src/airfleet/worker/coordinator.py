"""Runs attempts in processes that are forked from warm task templates. [A]

Airflow asks a coordinator to execute each task that a worker takes (``[sdk] coordinators``); this one does
what Airflow's own does, with these differences (reference: airflow/sdk/execution_time/supervisor.py):

- the attempt is forked by the worker's pool (:mod:`airfleet.task_process.pool`), where its Dag is loaded;
- no line and no message of an attempt is too long for it (:mod:`airfleet.monitor.limits`);
- an attempt that was killed for good is left to the scheduler, which has its callbacks called;
- the end of the process is an event among the others (:mod:`airfleet.monitor.process_exit`); Airflow often waits five
  seconds for it;
- no heartbeat right after the start, which itself counts as one; no rendered fields when all are empty, and those of a
  short attempt go with its end (:mod:`airfleet.worker.piggyback`);
- one HTTP connection for all attempts of a slot;
- an attempt outlives the API (:mod:`airfleet.worker.api_client`). A request of the attempt waits until it is
  answered; meanwhile the monitor forwards logs, sends heartbeats and sees the end of the process. A heartbeat that
  fails harms nobody until none was accepted for ``[airfleet] api_outage_seconds``: then the attempt is ended, some
  minutes before a scheduler may take it for lost.

Without a pool, or when it does not answer, the monitor forks the attempt itself, as Airflow does.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import attrs
import httpx
import structlog
from airflow.sdk.api.client import Client, ServerResponseError
from airflow.sdk.api.datamodels._generated import TaskInstanceState
from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.comms import GetXCom, SetRenderedFields, SetXCom, SucceedTask
from airflow.sdk.execution_time.coordinator import BaseCoordinator
from airflow.sdk.execution_time.supervisor import (
    MIN_HEARTBEAT_INTERVAL,
    SERVER_TERMINATED,
    STATES_SENT_DIRECTLY,
    ActivitySubprocess,
    ProcessTracker,
)

from airfleet.monitor import process_exit
from airfleet.monitor.limits import BoundedMonitor
from airfleet.spool import api_endpoints
from airfleet.system import disk_full_logging
from airfleet.task_process import dag_loader, ipc, task_user
from airfleet.worker import piggyback
from airfleet.worker.api_client import PATIENCE_SECONDS, FleetClient

log = structlog.get_logger(__name__)

#: seconds in which the pool has to fork an attempt; loading a Dag file takes 30 at the most, and is given up then
FORK_SECONDS = 45.0
#: attempts that a dying template or pool may cost before the monitor forks by itself
_TRIES = 3

#: exit codes of processes that a signal ended, with its name, as psutil gives them
NegativeSignal = IntEnum("NegativeSignal", {s.name: -s.value for s in signal.Signals})  # type: ignore[misc]

#: what an attempt may ask while its rendered fields are still to be told
_MEANWHILE = (GetXCom, SetXCom, SucceedTask)

_pool: socket.socket | None = None


def use(pool: socket.socket | None) -> None:
    """Have attempts of this process and its children forked by the pool behind this socket."""
    global _pool
    _pool = pool


class NobodyForks(Exception):
    """There is no pool that may fork an attempt; another worker, or this one later, can."""


class EndedWithoutReport(Exception):
    """An attempt's process has ended, and the API was told no state for it."""


class TaskCoordinator(BaseCoordinator):
    """The coordinator of every queue of a fleet."""

    def execute_task(
        self,
        *,
        what: Any,
        dag_rel_path: str | os.PathLike[str],
        bundle_info: Any,
        client: Client,
        logger: Any = None,
        sentry_integration: str = "",
        subprocess_logs_to_stdout: bool,
        **kwargs: Any,
    ) -> BaseCoordinator.ExecutionResult:
        """Run one attempt to its end."""
        start = Monitor.start_in_pool if _pool is not None else Monitor.start
        kept = client if isinstance(client, FleetClient) else client_for(str(client.base_url), client.auth)
        try:
            process = start(
                what=what,
                dag_rel_path=dag_rel_path,
                bundle_info=bundle_info,
                client=kept,
                logger=disk_full_logging.bearing(logger),
                sentry_integration=sentry_integration,
                subprocess_logs_to_stdout=subprocess_logs_to_stdout,
            )
            exit_code = process.wait()
        finally:
            kept.pause = time.sleep  # the monitor of this attempt is done
        if not process.has_reported():
            # The scheduler decides what becomes of it, as soon as Celery has stored this as a failure.
            raise EndedWithoutReport(f"attempt {what.id} ended with exit code {int(exit_code)} and reported no state")
        return self.ExecutionResult(exit_code, process.final_state)


def client_for(server: str, auth: httpx.Auth | None) -> FleetClient:
    """The one client of this slot, with one connection for all its attempts, and the token of the present one."""
    client = _client(server)
    client.auth = auth or (lambda request: request)
    client.look_again()
    return client


@lru_cache(maxsize=1)
def _client(server: str) -> FleetClient:
    known = partial(addresses, server, api_endpoints.file_here(os.environ))
    return FleetClient(known(), known=known, patience_seconds=patience_seconds())


def addresses(given: str, file: Path | None = None) -> tuple[str, ...]:
    """Every execution API, the preferred one first: as the agent wrote them down, or as the settings name them.

    Only the one that was given, when the settings do not name it: somebody wants just that one to be asked.
    """
    words = (conf.get("airfleet", "execution_api_urls", fallback="") or "").split(",")
    named = tuple(dict.fromkeys(word.strip().rstrip("/") + "/" for word in words if word.strip()))
    return (api_endpoints.read(file) or named) if given.rstrip("/") + "/" in named else (given,)


def patience_seconds() -> float:
    """For how long an attempt goes on while no API can be reached."""
    return float(conf.getfloat("airfleet", "api_outage_seconds", fallback=PATIENCE_SECONDS))


@attrs.define(kw_only=True)
class Monitor(BoundedMonitor, ActivitySubprocess):
    """The parent of one attempt, for Airflow: serves its requests, sends heartbeats, reports its end."""

    #: requests of the attempt that were read and not served yet
    _asked: deque[Any] = attrs.field(factory=deque, init=False, repr=False)
    #: Airflow's server of requests, one at a time
    _server: Any = attrs.field(default=None, init=False, repr=False)
    _serving: bool = attrs.field(default=False, init=False)
    #: the API knows that it runs, so that it wants heartbeats
    _is_known: bool = attrs.field(default=False, init=False)
    #: rendered fields that are still to be told, and when at the latest, by the monotonic clock
    _rendered: SetRenderedFields | None = attrs.field(default=None, init=False, repr=False)
    _rendered_until: float = attrs.field(default=0.0, init=False)

    @classmethod
    def start(cls, **kwargs: Any) -> Monitor:
        """Fork the attempt from this process."""
        monitor: Monitor = super().start(**kwargs)
        process_exit.notice(monitor)
        return monitor

    @classmethod
    def start_in_pool(
        cls,
        *,
        what: Any,
        dag_rel_path: str | os.PathLike[str],
        bundle_info: Any,
        client: Client,
        logger: Any = None,
        sentry_integration: str = "",
        subprocess_logs_to_stdout: bool = False,
    ) -> Monitor:
        """Have the attempt forked by the pool, or by this process when the pool cannot."""
        file = dag_loader.file_of(bundle_info.name, bundle_info.version, os.fspath(dag_rel_path), what.dag_id)
        startup = {
            "what": what,
            "dag_rel_path": dag_rel_path,
            "bundle_info": bundle_info,
            "sentry_integration": sentry_integration,
        }
        logger = logger or structlog.get_logger(logger_name="task").bind()
        forked = fork_in_pool(str(what.id), file)
        if forked is None and (user := task_user.named(os.environ)):
            # Here would be the secrets of the worker.
            raise NobodyForks(f"the pool, which runs attempts as '{user}', does not answer")
        if forked is None:
            log.warning("The pool of task templates does not answer; forking here", ti_id=str(what.id))
            return cls.start(
                client=client, logger=logger, subprocess_logs_to_stdout=subprocess_logs_to_stdout, **startup
            )
        requests, stdout, stderr, logs = forked.sockets
        monitor = cls(
            id=what.id,
            pid=forked.tracker.pid,
            stdin=requests,
            process=forked.tracker,
            process_log=logger,
            client=client,
            new_process_group=True,
            subprocess_logs_to_stdout=subprocess_logs_to_stdout,
        )
        monitor._register_pipe_readers(stdout, stderr, requests, logs, data={})
        process_exit.watch(monitor.selector, forked.tracker.status, monitor._told)
        startup["ti"] = startup.pop("what")
        monitor._on_child_started(**startup)
        return monitor

    def has_reported(self) -> bool:
        """Whether the API knows the end of this attempt, once it has ended.

        Airflow's monitor reports neither a process that exits with 0 and says nothing, nor one that fails
        and may be tried again, nor one that the server wanted to end (a cleared task is tried again when it
        has): there the executor's own result is what the scheduler goes by.
        """
        if self._pending_terminal_state_msg is not None or self._terminal_state == SERVER_TERMINATED:
            return False
        if self._owes_its_callbacks():
            return False
        return self._terminal_state is not None or self.final_state not in STATES_SENT_DIRECTLY

    def _told(self, status: socket.socket) -> bool:
        """The end of the attempt, or of whoever forked it: then only the end of the process can be seen."""
        received = ipc.receive(status)
        if received is None:
            process_exit.watch(self.selector, self._tracker.process, self._ended_unseen)
        else:
            self._tracker.ended(received[0]["exit"])
            self._tracker.process.close()
            with suppress(OSError):
                ipc.send(status, {"heard": True})  # so that closing this socket is no sign of trouble
        return False

    def _ended_unseen(self, _: process_exit.Descriptor) -> bool:
        """Nobody knows the exit code: what the attempt has reported counts, and nothing reported is a failure."""
        self.process_log.warning("The task template of this attempt has died; its exit code is not known")
        reported = self._terminal_state or self._pending_terminal_state_msg
        self._tracker.ended(0 if reported else -signal.SIGKILL)
        return False

    @property
    def _tracker(self) -> PoolTracker:
        return cast("PoolTracker", self._process)

    def _on_child_started(self, **kwargs: Any) -> None:
        if isinstance(self.client, FleetClient):
            self.client.pause = self._work_meanwhile
        super()._on_child_started(**kwargs)
        self._is_known = True
        self._last_heartbeat_attempt = time.monotonic()  # that the attempt runs has just been said

    # --- when the API is away ----------------------------------------------------------------------

    def handle_requests(self, log: Any) -> Generator[None, Any, None]:
        """Take requests as they arrive; they are served when all that can be read has been.

        Airflow serves a request where it is read. One that waits for the API would then be in the way of
        the logs, which are read in the same loop, and of the next turn of that loop.
        """
        self._server = super().handle_requests(log)
        next(self._server)
        while True:
            self._asked.append((yield))

    def _service_subprocess(
        self, max_wait_time: float, raise_on_timeout: bool = False, expect_signal: int | None = None
    ) -> Any:
        if self.failed_heartbeats and expect_signal is None:
            # Airflow would not wait at all from the moment on at which the last heartbeat is too old.
            max_wait_time = max(max_wait_time, self._last_heartbeat_attempt + MIN_HEARTBEAT_INTERVAL - time.monotonic())
        if self._rendered is not None and not raise_on_timeout:
            max_wait_time = max(0.0, min(max_wait_time, self._rendered_until - time.monotonic()))
        super()._service_subprocess(max_wait_time, raise_on_timeout, expect_signal)
        if not self._serving:
            self._serve()
            if time.monotonic() >= self._rendered_until:
                self._tell_rendered()
        return self._exit_code

    def _serve(self) -> None:
        self._serving = True
        try:
            while self._asked:
                self._server.send(self._asked.popleft())
        finally:
            self._serving = False

    def _work_meanwhile(self, seconds: float) -> None:
        """What the monitor does for some seconds while a request waits for the API."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.selector.get_map() is None:  # all has been read, and only the outcome is to be told
                time.sleep(left)
                return
            super()._service_subprocess(left)
            # An outcome that waits may have arrived already; a heartbeat would then be refused.
            if self._is_known and self._exit_code is None and self._pending_terminal_state_msg is None:
                self._send_heartbeat_if_needed()

    def kill(
        self, signal_to_send: signal.Signals = signal.SIGINT, escalation_delay: float = 5.0, force: bool = False
    ) -> None:
        """As Airflow's; what the attempt asks for in its last seconds is asked of the API once."""
        client: Any = self.client
        before = getattr(client, "patience_seconds", 0.0)
        client.patience_seconds = 0.0
        try:
            super().kill(signal_to_send, escalation_delay, force)
        finally:
            client.patience_seconds = before

    def _send_heartbeat_if_needed(self) -> None:
        failed = self.failed_heartbeats
        super()._send_heartbeat_if_needed()  # type: ignore[no-untyped-call]
        if failed and not self.failed_heartbeats:
            self.process_log.info("The API server can be reached again", missed_heartbeats=failed)

    def _handle_heartbeat_failures(self, exc: Exception) -> None:
        """Count them; end the attempt only when it was out of touch for too long."""
        self.failed_heartbeats += 1
        silent = time.monotonic() - self._last_successful_heartbeat
        if self.failed_heartbeats == 1:
            self.process_log.warning("The API server cannot be reached; the task goes on", error=repr(exc))
        if silent >= patience_seconds():
            self.process_log.error("No API server could be reached for too long; terminating", seconds=round(silent))
            self.kill(signal.SIGTERM, force=True)

    def _send_terminal_state_msg(self, msg: Any) -> None:
        with self._carrying():
            super()._send_terminal_state_msg(msg)
        # It may have waited for the API: what comes after the end has its time from now on.
        self._task_end_time_monotonic = time.monotonic()
        self._tell_rendered()

    # --- rendered fields ---------------------------------------------------------------------------

    def _handle_request(self, msg: Any, log: Any, req_id: int) -> None:
        if isinstance(msg, SetRenderedFields) and (self._has_nothing_rendered(msg) or self._keep(msg)):
            self.send_msg(None, request_id=req_id, error=None)
            return
        if not isinstance(msg, _MEANWHILE):
            self._tell_rendered()
        super()._handle_request(msg, log, req_id)

    def _has_nothing_rendered(self, msg: SetRenderedFields) -> bool:
        """Whether all fields are empty, and no earlier attempt can have stored others."""
        return self.ti is not None and self.ti.try_number == 1 and not any(msg.rendered_fields.values())

    def _keep(self, msg: SetRenderedFields) -> bool:
        """Have these told later, in place of others; False when they have to be told now."""
        fits = isinstance(self.client, FleetClient) and piggyback.packed(msg.rendered_fields) is not None
        self._rendered = msg if fits else None
        self._rendered_until = time.monotonic() + piggyback.LONGEST_SECONDS
        return fits

    @contextmanager
    def _carrying(self) -> Iterator[None]:
        """Have the end of the attempt carry what is to be told."""
        client, fields = self.client, self._rendered
        if fields is None or not isinstance(client, FleetClient):
            yield
            return
        client.fields = piggyback.packed(fields.rendered_fields)
        try:
            yield
            if client.fields is None:
                self._rendered = None
        finally:
            client.fields = None

    def _tell_rendered(self) -> None:
        """Tell what is to be told by a request of its own; the attempt goes on when it is refused."""
        msg, self._rendered = self._rendered, None
        if msg is None:
            return
        try:
            self.client.task_instances.set_rtif(self.id, msg.rendered_fields)
        except httpx.HTTPError as error:
            # Of an attempt that was cleared meanwhile they are not wanted; Airflow says nothing of that either.
            if not (isinstance(error, ServerResponseError) and error.response.status_code == HTTPStatus.GONE):
                self.process_log.warning("The rendered fields could not be stored", error=repr(error))

    def _owes_its_callbacks(self) -> bool:
        """Whether it was killed, for good, and so has not called what is to be called for its failure.

        Airflow's monitor would report it as failed, and nobody would call: the scheduler, which has a dag-processor
        call, does that for an attempt only that nobody has reported.
        """
        if self._exit_code in (None, 0) or self._pending_terminal_state_msg is not None:
            return False
        was_killed = self._terminal_state is None or self._exit_code < 0
        return was_killed and self.final_state == TaskInstanceState.FAILED

    def update_task_state_if_needed(self) -> None:
        """As Airflow's, after the fields; those of a success that waits go with it."""
        if self._pending_terminal_state_msg is None:
            self._tell_rendered()
        if self._owes_its_callbacks():
            return
        super().update_task_state_if_needed()  # type: ignore[no-untyped-call]


class StillRunning(Exception):
    """No end of the attempt was told so far."""


class PoolTracker(ProcessTracker):
    """An attempt that another process has forked, which tells its end over a socket."""

    ProcessNotFound = ProcessLookupError
    TimeoutExpired = StillRunning

    def __init__(self, pid: int, pidfd: int, status: socket.socket) -> None:
        self._pid = pid
        self._exit_code: int | None = None
        self.process = process_exit.Descriptor(pidfd)
        self.status = status

    @property
    def pid(self) -> int:
        """The attempt's process."""
        return self._pid

    def send_signal(self, s: signal.Signals) -> None:
        """Raises ProcessLookupError when it has ended."""
        if self._exit_code is not None:
            raise ProcessLookupError(self._pid)
        signal.pidfd_send_signal(self.process.fileno(), s)

    def ended(self, code: int) -> None:
        """Take note of its exit code, negative for a signal."""
        self._exit_code = NegativeSignal(code) if code < 0 else code

    def wait(self, timeout: float | None) -> int:
        """The exit code. Raises StillRunning as long as none was told; never waits."""
        if self._exit_code is None:
            raise StillRunning
        return self._exit_code


@dataclass(frozen=True)
class Forked:
    """A fresh attempt: its process, and the monitor's ends of requests, stdout, stderr and logs."""

    tracker: PoolTracker
    sockets: tuple[socket.socket, ...]


def fork_in_pool(attempt_id: str, file: ipc.File) -> Forked | None:
    """Ask the pool for a process; None when there is no pool, or none that answers.

    A template or pool that dies before it has answered is asked again: nothing has started yet.
    """
    for _ in range(_TRIES):
        if _pool is None:
            return None
        (status, *ours), theirs = _sockets()
        try:
            attempt = ipc.Attempt(attempt_id, file, tuple(end.fileno() for end in theirs))
            ipc.send(_pool, attempt.message(), attempt.descriptors)
            _close(theirs)
            received = ipc.receive(status)
        except OSError:  # nobody there, or (TimeoutError) nobody who answers
            _close([status, *ours, *theirs])
            return None
        if received is not None:
            status.setblocking(True)
            return Forked(PoolTracker(received[0]["pid"], received[1][0], status), tuple(ours))
        _close([status, *ours])
    return None


def _sockets() -> tuple[list[socket.socket], list[socket.socket]]:
    """The monitor's and the attempt's ends of status, requests, stdout, stderr and logs."""
    pairs = [ipc.pair(), *(socket.socketpair() for _ in range(4))]
    pairs[0][0].settimeout(FORK_SECONDS)
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _close(sockets: Iterable[socket.socket]) -> None:
    for end in sockets:
        end.close()
