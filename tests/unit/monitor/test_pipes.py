"""What a watched process writes is read in linear time and bounded memory."""

from __future__ import annotations

import json
import socket
from collections.abc import Generator
from typing import Any

import pytest

from airfleet.monitor.pipes import FrameReader, LineReader, cut_event, cut_text, request_number


def gathering(into: list[Any]) -> Generator[None, Any, None]:
    while True:
        into.append((yield))


def read_all(reader: Any, data: bytes) -> None:
    """Give a reader some bytes and the end."""
    theirs, ours = socket.socketpair()
    with theirs, ours:
        sent = 0
        theirs.setblocking(False)
        while sent < len(data):
            sent += theirs.send(data[sent : sent + 30_000])
            if not reader(ours):
                return
        theirs.close()
        while reader(ours):
            pass


def test_lines_come_as_they_were_written_also_the_last_one_without_an_end() -> None:
    lines: list[bytes] = []
    reader = LineReader(gathering(lines), cut_text, data=b"zero\n")
    read_all(reader, b"one\n\ntw\xc3\xa4\nlast")
    assert lines == [b"zero\n", b"one\n", b"\n", b"tw\xc3\xa4\n", b"last\n"]


def test_a_longer_line_is_cut_and_the_next_one_is_whole() -> None:
    lines: list[bytes] = []
    read_all(LineReader(gathering(lines), cut_text, most=10), b"x" * 3_000_000 + b"\nshort\n")
    assert lines == [b"xxxxxxxxxx... (a line of 3 MB was cut here)\n", b"short\n"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"timestamp":"2026-01-01T00:00:00Z","event":"' + "a" * 50 + '","level":"error"}', "aaaa"),
        ('{"level":"error","event":"' + '\\"' * 40 + '"}', '"'),
        ('{"level":"error","event":"' + "\\ud83d\\ude00" * 20 + '"}', "\U0001f600"),
        ('{"level":"error","event":"' + "\\\\" * 40 + '"}', "\\"),
        ('{"level":"error","other":"' + "\x00" * 40 + '"}', '{"level"'),
        ("no JSON at all" * 10, "no JSON"),
    ],
)
def test_a_cut_line_of_json_can_still_be_read(line: str, shown: str) -> None:
    for most in range(28, 80):
        event = json.loads(cut_event(line.encode()[:most], len(line)))
        assert event["event"].endswith("... (a line of 1 MB was cut here)")
        assert event["level"] in ("error", "info")
    assert shown in event["event"]


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def frames(most: int) -> tuple[FrameReader, list[Any], list[Any]]:
    read: list[Any] = []
    said: list[Any] = []
    reader = FrameReader(
        gathering(read), lambda body: json.loads(bytes(body)), lambda *it: said.append(it), said.append, most
    )
    return reader, read, said


def test_messages_are_read_whole_and_a_longer_one_is_read_past() -> None:
    reader, read, said = frames(most=1000)
    read_all(
        reader, frame(b"[1]") + frame(b"\x92\x05" + b"x" * 500_000) + frame(b"[2]") + frame(b'"' + b"y" * 998 + b'"')
    )
    assert read == [[1], [2], "y" * 998]
    ((head, length),) = said
    assert (request_number(head), length) == (5, 500_002)


def test_a_message_that_cannot_be_read_is_the_last_one() -> None:
    reader, read, said = frames(most=1000)
    read_all(reader, frame(b"[1]") + frame(b"\xff\xff") + frame(b"[2]"))
    assert read == [[1]]
    assert isinstance(said[0], ValueError)


def test_a_length_without_a_message_takes_no_memory() -> None:
    reader, read, said = frames(most=1000)
    read_all(reader, b"\xff\xff\xff\xff" + b"abc")
    assert (read, said) == ([], [])


@pytest.mark.parametrize("head", [b"", b"\x92", b"\x92\xcf\x01", b"hello"])
def test_a_head_that_names_no_request(head: bytes) -> None:
    assert request_number(head) is None


@pytest.mark.parametrize(
    "line",
    [
        '{"trigger_id": 7, "event": "%s", "level": "info"}',
        '{"level": "info", "event": "%s", "trigger_id": 7, "logger": "x"}',
        '{"level": "info", "event": "%s\\"trigger_id\\": 8", "trigger_id": 7}',
    ],
)
def test_the_trigger_of_a_line_that_is_cut_is_known(line: str) -> None:
    lines: list[bytes] = []
    read_all(LineReader(gathering(lines), cut_event, most=100), (line % ("x" * 3_000_000)).encode() + b"\nshort\n")
    cut = json.loads(lines[0])
    assert (cut["trigger_id"], lines[1]) == (7, b"short\n")


def test_a_line_of_no_trigger_that_speaks_of_one_is_of_none() -> None:
    line = json.dumps({"event": "x" * 1_000 + '"trigger_id": 8'})
    assert "trigger_id" not in json.loads(cut_event(line[:100].encode(), len(line), line[-200:].encode()))
