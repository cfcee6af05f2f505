"""The monitor of an attempt: serves its requests, sends heartbeats, reports its end. [A]

It does what Airflow's own does (reference: airflow/sdk/execution_time/supervisor.py), with these differences:

- the worker's pool forks the attempt (:mod:`airfleet.task_process.pool`), where its Dag is loaded;
- lines and messages of an attempt may have any length (:mod:`airfleet.monitor.limits`);
- an attempt that was killed for good is left to the scheduler, which has its callbacks called;
- the end of the process is an event among the others (:mod:`airfleet.monitor.process_exit`); Airflow often waits five
  seconds for it;
- the start counts as the first heartbeat; empty rendered fields are not sent, and those of a short attempt go with its
  end (:mod:`airfleet.worker.piggyback`);
- an attempt survives outages of the API (:mod:`airfleet.worker.api_client`). While a request of the attempt waits, the
  monitor forwards logs, sends heartbeats and sees the end of the process. It ends the attempt when no heartbeat was
  accepted for ``[airfleet] api_outage_seconds``, minutes before a scheduler may take it for lost.

Without a pool that answers, the monitor forks the attempt itself, as Airflow does.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, cast

import attrs
import httpx
import structlog
from airflow.sdk.api.client import Client, ServerResponseError
from airflow.sdk.api.datamodels._generated import TaskInstanceState
from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.comms import GetXCom, SetRenderedFields, SetXCom, SucceedTask
from airflow.sdk.execution_time.supervisor import (
    MIN_HEARTBEAT_INTERVAL,
    SERVER_TERMINATED,
    STATES_SENT_DIRECTLY,
    ActivitySubprocess,
)

from airfleet.monitor import process_exit
from airfleet.monitor.limits import BoundedMonitor
from airfleet.task_process import dag_loader, ipc, task_user
from airfleet.worker import piggyback, pool_client
from airfleet.worker.api_client import PATIENCE_SECONDS, FleetClient
from airfleet.worker.pool_client import Forked, PoolTracker

log = structlog.get_logger(__name__)

#: requests of an attempt that may pass while its rendered fields wait
_MEANWHILE = (GetXCom, SetXCom, SucceedTask)


class NobodyForks(Exception):
    """No pool may fork an attempt here; another worker, or this one later, can."""


def patience_seconds() -> float:
    """Return the longest outage of the API that an attempt survives."""
    return float(conf.getfloat("airfleet", "api_outage_seconds", fallback=PATIENCE_SECONDS))


@attrs.define(kw_only=True)
class AttemptMonitor(BoundedMonitor, ActivitySubprocess):
    """Airflow's monitor of one attempt, with the differences of the module."""

    #: requests of the attempt that were read and not served yet
    _asked: deque[Any] = attrs.field(factory=deque, init=False, repr=False)
    #: Airflow's server of requests, one at a time
    _server: Any = attrs.field(default=None, init=False, repr=False)
    _serving: bool = attrs.field(default=False, init=False)
    #: the API knows that it runs, so that it wants heartbeats
    _is_known: bool = attrs.field(default=False, init=False)
    #: rendered fields that wait, and until when at the latest, by the monotonic clock
    _rendered: SetRenderedFields | None = attrs.field(default=None, init=False, repr=False)
    _rendered_until: float = attrs.field(default=0.0, init=False)

    @classmethod
    def start(cls, **kwargs: Any) -> AttemptMonitor:
        """Fork the attempt from this process."""
        monitor: AttemptMonitor = super().start(**kwargs)
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
    ) -> AttemptMonitor:
        """Have the attempt forked by the pool, or by this process when the pool does not answer."""
        file = dag_loader.file_of(bundle_info.name, bundle_info.version, os.fspath(dag_rel_path), what.dag_id)
        told = {"dag_rel_path": dag_rel_path, "bundle_info": bundle_info, "sentry_integration": sentry_integration}
        channels = {
            "client": client,
            "logger": logger or structlog.get_logger(logger_name="task").bind(),
            "subprocess_logs_to_stdout": subprocess_logs_to_stdout,
        }
        python = pool_client.python(file)
        if python is not None and not os.path.exists(python):
            raise NobodyForks("the Python environment of its release is not built on this host")
        forked = pool_client.fork(str(what.id), file)
        if forked is None and python is not None:
            raise NobodyForks("the Python environment of its release starts no attempts on this host")
        if forked is None:
            return cls._start_without_pool(what=what, **told, **channels)
        monitor = cls._of_forked(what, forked, **channels)
        monitor._on_child_started(ti=what, **told)
        return monitor

    @classmethod
    def _start_without_pool(cls, *, what: Any, **options: Any) -> AttemptMonitor:
        if user := task_user.named(os.environ):
            # An attempt that is forked here would have the secrets of the worker.
            raise NobodyForks(f"the pool, which runs attempts as '{user}', does not answer")
        log.warning("The pool of Dag zygotes does not answer; forking here", ti_id=str(what.id))
        return cls.start(what=what, **options)

    @classmethod
    def _of_forked(
        cls, what: Any, forked: Forked, *, client: Client, logger: Any, subprocess_logs_to_stdout: bool
    ) -> AttemptMonitor:
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
        return monitor

    def has_reported(self) -> bool:
        """Tell whether the API knows the end of this attempt, once it has ended.

        Airflow's monitor leaves three ends to the executor's result: a process that exits with 0 and reports nothing,
        one that fails and may be tried again, and one that the server wanted to end (a cleared task).
        """
        if self._pending_terminal_state_msg is not None or self._terminal_state == SERVER_TERMINATED:
            return False
        if self._owes_its_callbacks():
            return False
        return self._terminal_state is not None or self.final_state not in STATES_SENT_DIRECTLY

    def _told(self, status: socket.socket) -> bool:
        """Take note of the end of the attempt, or of its parent: then only the end of the process can be seen."""
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
        """Conclude an unknown exit code: the state that the attempt has reported counts, and none is a failure."""
        self.process_log.warning("The Dag zygote of this attempt has died; its exit code is not known")
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
        self._last_heartbeat_attempt = time.monotonic()  # the start has just been reported

    # --- outages of the API ------------------------------------------------------------------------

    def handle_requests(self, log: Any) -> Generator[None, Any, None]:
        """Queue requests as they arrive; they are served after everything readable was read.

        Airflow serves a request where it reads it. A request that waits for the API would then block the logs, which
        are read in the same loop.
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
        """Read and send heartbeats for some seconds, while a request waits for the API."""
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
        """Kill as Airflow does; requests of the attempt's last seconds are tried once."""
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
        """Count failed heartbeats; end the attempt only after a long outage."""
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
        """Tell whether all fields are empty, and no earlier attempt can have stored others."""
        return self.ti is not None and self.ti.try_number == 1 and not any(msg.rendered_fields.values())

    def _keep(self, msg: SetRenderedFields) -> bool:
        """Keep rendered fields for the end of the attempt; return False when they have to be sent now."""
        fits = isinstance(self.client, FleetClient) and piggyback.packed(msg.rendered_fields) is not None
        self._rendered = msg if fits else None
        self._rendered_until = time.monotonic() + piggyback.LONGEST_SECONDS
        return fits

    @contextmanager
    def _carrying(self) -> Iterator[None]:
        """Have the end of the attempt carry the rendered fields."""
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
        """Send rendered fields by a request of their own; the attempt goes on when it is refused."""
        msg, self._rendered = self._rendered, None
        if msg is None:
            return
        try:
            self.client.task_instances.set_rtif(self.id, msg.rendered_fields)
        except httpx.HTTPError as error:
            # Airflow, too, passes over the refusal for an attempt that was cleared meanwhile.
            if not (isinstance(error, ServerResponseError) and error.response.status_code == HTTPStatus.GONE):
                self.process_log.warning("The rendered fields could not be stored", error=repr(error))

    def _owes_its_callbacks(self) -> bool:
        """Tell whether the attempt was killed for good, before it could call its failure callbacks.

        Airflow's monitor would report it as failed, and the callbacks would not run: the scheduler has a dag-processor
        run them only for an attempt that was not reported.
        """
        if self._exit_code in (None, 0) or self._pending_terminal_state_msg is not None:
            return False
        was_killed = self._terminal_state is None or self._exit_code < 0
        return was_killed and self.final_state == TaskInstanceState.FAILED

    def update_task_state_if_needed(self) -> None:
        """Report as Airflow does, after the rendered fields; those of a success go with it."""
        if self._pending_terminal_state_msg is None:
            self._tell_rendered()
        if self._owes_its_callbacks():
            return
        super().update_task_state_if_needed()  # type: ignore[no-untyped-call]
