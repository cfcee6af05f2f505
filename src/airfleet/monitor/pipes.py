"""Readers of what a watched process writes, with bounded memory and in linear time.

Airflow's monitors hold a line until its end has come, and look through all of it at each piece that arrives: a line of
300 MB takes hours, and as much memory. They also make room for whatever length a process names for its next message,
and a message that cannot be read ends the monitor (reference: ``make_buffered_socket_reader`` and
``length_prefixed_frame_reader`` in airflow/sdk/execution_time/supervisor.py). Here a longer line is cut, and a longer
message is read past; whoever reads is told its length.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any, TypeAlias

#: bytes of a line that are kept
LINE_BYTES = 1 << 20
#: bytes of the end of a longer line that are kept, too
END_BYTES = 1 << 10
#: bytes of a message that are kept when it is too long: enough for the number of a request
HEAD_BYTES = 64

#: bytes that are read at once, and seconds after which others have their turn; many short lines take long to pass on
_LINES_BYTES, _FRAME_BYTES = 1 << 13, 1 << 18
_SLICE_SECONDS = 0.005

#: takes what can be read now; False when there will be no more
Reader: TypeAlias = Callable[[socket.socket], bool]
#: a reader, and what to call when it is done
Handler: TypeAlias = tuple[Reader, Callable[[Any], None]]


class LineReader:
    """Feeds a generator the lines that come, each with its end; of a longer one ``cut(start, length, end)``."""

    def __init__(
        self,
        lines: Generator[None, Any, None],
        cut: Callable[[bytes, int, bytes], bytes],
        data: bytes = b"",
        most: int = LINE_BYTES,
    ) -> None:
        self._lines = lines
        self._cut = cut
        self._most = most
        #: the line that has begun, and how many bytes of it were left out
        self._begun = bytearray()
        self._left_out = 0
        self._last = b""
        self._read = bytearray(_LINES_BYTES)
        next(lines)
        if data:
            self._take(data)

    def __call__(self, source: socket.socket) -> bool:
        """Read what there is."""
        return _in_a_slice(self._step, source)

    def _step(self, source: socket.socket, flags: int) -> bool:
        count = source.recv_into(self._read, 0, flags)
        if count:
            return self._take(bytes(memoryview(self._read)[:count]))
        if self._begun:
            self._end()
        return False

    def _take(self, data: bytes) -> bool:
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._keep(piece)
            if not self._end():
                return False
        self._keep(rest)
        return True

    def _keep(self, piece: bytes) -> None:
        room = max(0, self._most - len(self._begun))
        self._begun += piece[:room]
        if len(piece) > room:
            self._left_out += len(piece) - room
            self._last = (self._last + piece[max(room, len(piece) - END_BYTES) :])[-END_BYTES:]

    def _end(self) -> bool:
        line = bytes(self._begun)
        if self._left_out:
            line = self._cut(line, len(line) + self._left_out, self._last)
        self._begun.clear()
        self._left_out, self._last = 0, b""
        try:
            self._lines.send(line + b"\n")
        except StopIteration:
            return False
        return True


class FrameReader:
    """Feeds a generator messages, each of which follows its length (four bytes, the first one highest).

    ``too_long`` is told the beginning and the length of one that is longer than ``most``; ``unreadable`` the error of
    one that cannot be decoded, and then nothing more is read, for nobody knows where the next one begins.
    """

    def __init__(
        self,
        messages: Generator[None, Any, None],
        decode: Callable[[memoryview], Any],
        too_long: Callable[[bytes, int], None],
        unreadable: Callable[[Exception], None],
        most: int,
    ) -> None:
        self._messages = messages
        self._decode = decode
        self._too_long = too_long
        self._unreadable = unreadable
        self._most = most
        self._length = bytearray()
        self._body = bytearray()
        self._left = 0
        self._read = bytearray(_FRAME_BYTES)
        next(messages)

    def __call__(self, source: socket.socket) -> bool:
        """Read what there is."""
        return _in_a_slice(self._step, source)

    def _step(self, source: socket.socket, flags: int) -> bool:
        if len(self._length) < 4:
            piece = source.recv(4 - len(self._length), flags)
            self._length += piece
            if len(self._length) == 4:
                self._left = int.from_bytes(self._length, "big")
            return bool(piece) and (len(self._length) < 4 or self._left > 0 or self._end())
        count = source.recv_into(self._read, min(self._left, _FRAME_BYTES), flags)
        if count == 0:
            return False
        self._left -= count
        self._keep(memoryview(self._read)[:count])
        return self._left > 0 or self._end()

    @property
    def _whole(self) -> int:
        return int.from_bytes(self._length, "big")

    def _keep(self, piece: memoryview) -> None:
        room = self._whole if self._whole <= self._most else HEAD_BYTES
        self._body += piece[: max(0, room - len(self._body))]

    def _end(self) -> bool:
        body, whole = self._body, self._whole
        self._body, self._length = bytearray(), bytearray()
        if whole > self._most:
            self._too_long(bytes(body), whole)
            return True
        try:
            message = self._decode(memoryview(body))
        except Exception as error:
            self._unreadable(error)
            return False
        try:
            self._messages.send(message)
        except StopIteration:
            return False
        return True


def _in_a_slice(step: Callable[[socket.socket, int], bool], source: socket.socket) -> bool:
    """Take one step, and others while there is something to read, for some milliseconds."""
    until = time.monotonic() + _SLICE_SECONDS
    goes_on = step(source, 0)
    with contextlib.suppress(BlockingIOError):
        while goes_on and time.monotonic() < until:
            goes_on = step(source, socket.MSG_DONTWAIT)
    return goes_on


def request_number(head: bytes) -> int | None:
    """Read the number of a request from its beginning: the first of the values of a msgpack array.

    >>> request_number(bytes([0x92, 0x07, 0xC0])), request_number(bytes([0x93, 0xCD, 0x01, 0x00])), request_number(b"x")
    (7, 256, None)
    """
    if len(head) < 2 or not 0x91 <= head[0] <= 0x9F:
        return None
    kind, width = head[1], {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}.get(head[1], 0)
    if width and len(head) >= 2 + width:
        return int.from_bytes(head[2 : 2 + width], "big")
    return kind if kind < 0x80 else None


def megabytes(count: int) -> str:
    """Write a number of bytes for people.

    >>> megabytes(300_000_000), megabytes(1 << 20)
    ('300 MB', '1 MB')
    """
    return f"{max(1, round(count / 1e6))} MB"


def cut_text(start: bytes, length: int, _: bytes = b"") -> bytes:
    """Mark a line of text of which only the start is kept."""
    return start + f"... (a line of {megabytes(length)} was cut here)".encode()


_LEVEL = re.compile(rb'"level": ?"([a-z]+)"')
_TIMESTAMP = re.compile(rb'"timestamp": ?"([0-9TZ:.+-]+)"')
_EVENT = re.compile(rb'"event": ?"')
_TRIGGER = re.compile(rb'(?<!\\)"trigger_id": ?([0-9]+)')


def cut_event(start: bytes, length: int, end: bytes = b"") -> bytes:
    """Make a readable line of one in JSON of which only start and end are known.

    It has the text, the level, the time, and the trigger whose log it belongs to.
    """
    level, time, event = _LEVEL.search(start), _TIMESTAMP.search(start), _EVENT.search(start)
    text = _as_text(start[event.end() :]) if event else None
    if text is None:  # the start has no text, or all of it and more
        text = start.decode(errors="replace")
    cut: dict[str, Any] = {
        "event": text + cut_text(b"", length).decode(),
        "level": level[1].decode() if level else "info",
    }
    if time:
        cut["timestamp"] = time[1].decode()
    if trigger := _TRIGGER.search(start[: event.start() if event else None]) or _TRIGGER.search(end):
        cut["trigger_id"] = int(trigger[1])
    return json.dumps(cut).encode()


#: names that a logger, and Airflow's monitor who calls it, have for arguments of their own
_TAKEN = frozenset({"target", "msg", "self"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def surviving(
    lines: Callable[[], Generator[None, Any, None]], lost: Callable[[Exception], None]
) -> Generator[None, Any, None]:
    """Pass lines on; of one that cannot be, the fields get other names, and if that does not help it is lost."""
    inner = _begun(lines)
    while True:
        line = yield
        try:
            inner.send(line)
        except StopIteration:
            return
        except Exception:
            inner = _begun(lines)
            try:
                inner.send(renamed_event(line))
            except Exception as error:
                inner = _begun(lines)
                lost(error)


def _begun(lines: Callable[[], Generator[None, Any, None]]) -> Generator[None, Any, None]:
    begun = lines()
    next(begun)
    return begun


def renamed_event(line: bytes) -> bytes:
    """Keep the unambiguous fields of a line of JSON; a line that is no event becomes the text of one.

    >>> renamed_event(b'{"event": "copied", "level": "info", "target": "s3://x", "timestamp": "today"}')
    b'{"event": "copied", "level": "info", "target_": "s3://x", "timestamp_": "today"}'
    >>> renamed_event(b'[7]')
    b'{"event": "[7]", "level": "info"}'
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        fields = {"event": line.decode(errors="replace").strip()}
    if not isinstance(fields.setdefault("level", "info"), str):
        fields["level"] = "info"
    wrong = _TAKEN if _is_time(fields.get("timestamp")) else _TAKEN | {"timestamp"}
    return json.dumps({f"{name}_" if name in wrong else name: value for name, value in fields.items()}).encode()


def _is_time(value: object) -> bool:
    with contextlib.suppress(ValueError):
        return isinstance(value, str) and bool(_TIME.fullmatch(value) and datetime.fromisoformat(value))
    return False


def _as_text(start: bytes) -> str | None:
    """Decode the start of a text in JSON, less an escape or a character that was cut in two."""
    for end in range(len(start), max(0, len(start) - 12), -1):
        with contextlib.suppress(ValueError):
            return str(json.loads(b'"' + start[:end] + b'"', strict=False))
    return None
