"""Limits for messages and logs of a monitored process, which Airflow's monitors lack. [A]

A mixin for the monitors of attempts, of Dag files and of triggers. A line of a log above the limit is cut. A line at
which Airflow's monitor would end (a field of an event is named ``target``, say, or a disk is full) is passed on in
other words, or is lost. A message above the limit is refused, and its sender gets an error (reference:
``WatchedSubprocess`` in airflow/sdk/execution_time/supervisor.py).
"""

from __future__ import annotations

import logging
import selectors
from collections.abc import Callable, Generator
from contextlib import suppress
from socket import socket
from typing import Any

import msgspec
import structlog
from airflow.sdk._shared.logging.structlog import reconfigure_logger
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse, _RequestFrame
from airflow.sdk.execution_time.supervisor import forward_to_log, process_log_messages_from_subprocess

from airfleet.monitor.pipes import (
    FrameReader,
    Handler,
    LineReader,
    cut_event,
    cut_text,
    megabytes,
    request_number,
    surviving,
)

log = structlog.get_logger(__name__)

#: bytes of one message of a task: an XCom, its rendered fields; and of the Dags of one file
MESSAGE_BYTES = 64 << 20


def most_bytes(setting: str) -> int:
    """Read the limit of this name in ``[airfleet]`` of airflow.cfg, bytes."""
    return int(conf.getint("airfleet", setting, fallback=MESSAGE_BYTES))


class BoundedMonitor:
    """See the module; comes before Airflow's class."""

    __slots__ = ()

    #: the setting that has the limit of a message
    message_setting = "max_message_bytes"

    def _register_pipe_readers(
        self: Any, stdout: socket, stderr: socket, requests: socket, logs: socket, *, data: dict[socket, bytes]
    ) -> None:
        sources = {stdout: "stdout", stderr: "stderr", logs: "logs", requests: "requests"}
        self._open_sockets.update(sources)
        loggers = self._get_target_loggers()
        lines = surviving(lambda: self._events(loggers), self._line_lost)
        events = LineReader(self._lines(lines, "logs"), cut_event)
        handlers: dict[socket, Handler] = {
            stdout: self._create_log_forwarder(loggers, "task.stdout", data=data.get(stdout, b"")),
            stderr: self._create_log_forwarder(
                loggers, "task.stderr", data=data.get(stderr, b""), log_level=logging.ERROR
            ),
            logs: (events, self._on_socket_closed),
            requests: (self._message_reader(), self._on_socket_closed),
        }
        for source, handler in handlers.items():
            self.selector.register(source, selectors.EVENT_READ, handler)

    def _create_log_forwarder(
        self: Any, loggers: tuple[Any, ...], name: str, *, data: bytes, log_level: int = logging.INFO
    ) -> Any:
        plain = tuple(reconfigure_logger(one, structlog.processors.CallsiteParameterAdder) for one in loggers)
        lines = self._lines(forward_to_log(plain, logger=name, level=log_level), name)
        return LineReader(lines, cut_text, data), self._on_socket_closed

    def _events(self, loggers: tuple[Any, ...]) -> Generator[None, Any, None]:
        """Make the consumer of events of the process's own logger, as JSON."""
        return process_log_messages_from_subprocess(loggers)

    def _line_lost(self, error: Exception) -> None:
        log.warning("A line of a log cannot be passed on, and is lost", error=repr(error)[:1000])

    def _lines(self, lines: Generator[None, Any, None], source: str) -> Generator[None, Any, None]:
        """Make the consumer of lines from this source."""
        return lines

    def _message_reader(self: Any) -> Callable[[socket], bool]:
        decoder = msgspec.msgpack.Decoder(_RequestFrame)
        return FrameReader(
            self.handle_requests(log),
            decoder.decode,
            self._message_too_long,
            self._message_unreadable,
            self._most_message_bytes(),
        )

    def _most_message_bytes(self) -> int:
        return most_bytes(self.message_setting)

    def _message_too_long(self: Any, head: bytes, length: int) -> None:
        """Refuse a message; whoever sent it gets an error in place of an answer."""
        sentence = too_long(length, self.message_setting)
        self.process_log.error(sentence)
        number = request_number(head)
        if number is not None:
            with suppress(OSError):  # it has ended
                error = ErrorResponse(error=ErrorType.GENERIC_ERROR, detail={"message": sentence})
                self.send_msg(None, request_id=number, error=error)

    def _message_unreadable(self: Any, error: Exception) -> None:
        self.process_log.error("A message of this process cannot be read; no more are taken", error=repr(error))


def too_long(length: int, setting: str) -> str:
    """Describe why a message is refused."""
    return (
        f"What was to be stored has {megabytes(length)}; the limit is {megabytes(most_bytes(setting))} "
        f"([airfleet] {setting}). Store large data in a file or a bucket, and pass its address on."
    )
