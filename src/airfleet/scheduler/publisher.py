"""One open connection to the broker, through which the scheduler sends its messages and looks after them.

A message says the same to a worker as Celery's own ``apply_async`` does; only its printed form, which Celery puts
beside the arguments for logs and monitors, leaves the arguments out: they hold the token of the task.

Failures: a connection that was lost since the last message is made again at once, and the message sent again. It may
then arrive twice, with one id; the start of the second is refused. A broker that cannot be reached raises
:class:`BrokerGone` within seconds; nothing is retried here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from celery import Celery
from kombu.connection import Connection
from kombu.exceptions import OperationalError as KombuOperationalError
from kombu.messaging import Producer

from airfleet.scheduler import queue_inspector
from airfleet.scheduler.message_reconciler import Answer
from airfleet.worker import queue_declarations

#: seconds that one step of the talk with the broker may take
OPERATION_SECONDS = 3.0
TASK_NAME = "execute_workload"
T = TypeVar("T")

_UNPRINTED = "(workload)"


class BrokerGone(Exception):
    """The broker cannot be reached, or does not answer; nothing is known to be wrong with the message."""


class Publisher:
    """Sends workloads as Celery messages; connects when the first one is sent."""

    def __init__(self, app: Celery) -> None:
        queue_declarations.prepare(app)
        self._app = app
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        #: how many connections there were: what was sent by an earlier one may be lost
        self.connections = 0

    def send(self, body: str, *, task_id: str, queue: str | None, keep_result: bool) -> None:
        """Send one workload. Raises BrokerGone, and whatever is wrong with the message itself.

        With ``keep_result`` the worker stores how it ended, also when it ended well.
        """
        if self._producer is not None:
            try:
                self._send(body, task_id, queue, keep_result)
                return
            except BrokerGone:
                self.close()
        try:
            self._connect()
            self._send(body, task_id, queue, keep_result)
        except BrokerGone:
            self.close()
            raise

    def look(self, names: Collection[str]) -> Answer:
        """Return the broker's epoch, and the content of these queues. Raises BrokerGone, and refusals of the broker."""
        try:
            if self._connection is None:
                self._connect()
            connection = self._connection
            assert connection is not None
            named = queue_declarations.in_broker(self._app, names)
            epoch, waiting = self._reaching_out(
                lambda: (
                    queue_inspector.epoch(connection) or str(self.connections),
                    queue_inspector.look(connection, named),
                )
            )
            return epoch, {named[queue]: content for queue, content in waiting.items()}
        except BrokerGone:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next message opens another."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            try:
                connection.release()
            except Exception:
                pass  # it is given up because it does not work

    def _connect(self) -> None:
        def connect() -> Any:
            self.connections += 1
            self._connection = self._app.connection_for_write(
                connect_timeout=OPERATION_SECONDS,
                transport_options=_limits(self._app.conf.broker_write_url),
                # A publisher that is silent for minutes must not be taken for dead.
                heartbeat=0,
            )
            return self._app.amqp.Producer(self._connection, auto_declare=False)

        self._producer = self._reaching_out(connect)

    def _send(self, body: str, task_id: str, queue: str | None, keep_result: bool) -> None:
        self._reaching_out(
            lambda: self._app.send_task(
                TASK_NAME,
                args=(body,),
                task_id=task_id,
                queue=queue,
                producer=self._producer,
                # With a kept result, too, nobody subscribes to it: this is the message's header alone.
                ignore_result=True,
                headers={"ignore_result": not keep_result},
                argsrepr=_UNPRINTED,
                kwargsrepr="{}",
                retry=False,
                add_to_parent=False,
            )
        )

    def _reaching_out(self, step: Callable[[], T]) -> T:
        errors: tuple[type[BaseException], ...] = (KombuOperationalError, OSError)
        if self._connection is not None:
            errors += self._connection.recoverable_connection_errors + self._connection.recoverable_channel_errors
        try:
            return step()
        except errors as error:
            raise BrokerGone(_plain(error)) from error


def _limits(url: str | None) -> dict[str, Any]:
    """Return options that bound the wait for a silent broker, and have it confirm messages."""
    # One try: who retries, and when, is decided by the executor.
    once = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
    scheme = (url or "").partition("://")[0].partition("+")[0]
    if scheme in ("redis", "rediss", "sentinel", "valkey", "valkeys"):
        return {**once, "socket_timeout": OPERATION_SECONDS, "socket_connect_timeout": OPERATION_SECONDS}
    if scheme in ("amqp", "amqps", "pyamqp"):
        limits = {"read_timeout": OPERATION_SECONDS, "write_timeout": OPERATION_SECONDS}
        return {**once, **limits, "confirm_publish": True}
    return once


def _plain(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
