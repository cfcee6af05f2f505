"""The end of a log file, in bounded memory whatever the file holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.system import log_tail
from airfleet.system.log_tail import MOST_AT_THE_END, MOST_BYTES, Tail, complete_after, last_complete, last_lines


def test_of_a_line_of_twenty_gigabytes_only_its_end_is_read(tmp_path: Path) -> None:
    file = tmp_path / "worker.log"
    with file.open("wb") as log:
        log.seek(20 * 2**30)
        log.write(b" the end\n")
    (line,) = last_lines(file, 1)
    assert line.endswith(" the end")
    assert len(line) <= MOST_AT_THE_END + log_tail.BLOCK


def test_what_is_followed_comes_in_parts_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "worker.log"
    lines = [f"line {number} " + "x" * 1000 for number in range(3000)]
    tail = Tail(file, from_end=False)
    file.write_text("".join(f"{line}\n" for line in lines))
    first = tail.read()
    assert 0 < len(first) < len(lines)
    found = [*first, *tail.read(), *tail.read(), *tail.read()]
    assert found == lines


def test_what_is_left_of_a_replaced_file_comes_before_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "worker.log"
    lines = [f"old {number} " + "x" * 1000 for number in range(2500)]
    file.write_text("".join(f"{line}\n" for line in lines))
    tail = Tail(file, from_end=False)
    file.rename(tmp_path / "worker.log.1")
    file.write_text("new\n")
    found: list[str] = []
    for _ in range(6):
        found += tail.read()
    assert found == [*lines, "new"]


def test_a_line_without_an_end_is_given_in_parts(tmp_path: Path) -> None:
    file = tmp_path / "worker.log"
    file.write_bytes(b"x" * (2 * MOST_BYTES + 10))
    tail = Tail(file, from_end=False)
    assert [len(line) for line in tail.read()] == [MOST_BYTES]
    assert [len(line) for line in tail.read()] == [MOST_BYTES]
    assert tail.read() == []


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        (b"", 3, []),
        (b"a\nb\nc\n", 2, ["b", "c"]),
        (b"a\nb\nc", 2, ["b", "c"]),
        (b"a\nb\n", 9, ["a", "b"]),
        (b"a\nb\n", 0, []),
        (b"x" * 200_000 + b"\nlast\n", 1, ["last"]),
        (b"\xff\n", 1, ["\ufffd"]),
    ],
)
def test_last_lines(text: bytes, count: int, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(text)
    assert last_lines(tmp_path / "a.log", count) == expected


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        (b"", 3, ([], 0)),
        (b"a\nb\nc\n", 2, (["b", "c"], 6)),
        (b"a\nb\nhalf", 2, (["a", "b"], 4)),
        (b"a\nb\nhalf", 1, (["b"], 4)),
        (b"half", 1, ([], 0)),
        (b"a\nb\n", 0, ([], 4)),
        (b"x" * 200_000 + b"\nlast\n", 1, (["last"], 200_006)),
    ],
)
def test_the_last_complete_lines_and_where_they_end(
    text: bytes, count: int, expected: tuple[list[str], int], tmp_path: Path
) -> None:
    (tmp_path / "a.log").write_bytes(text)
    assert last_complete(tmp_path / "a.log", count) == expected


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        (b"a\nb\n", 4, ([], 4)),
        (b"a\nb\nc\nhalf", 4, (["c"], 6)),
        (b"a\nb\nhalf", 4, ([], 4)),
        (b"new\n", 400, (["new"], 4)),
        (b"0123456789\n", 0, (["01234567"], 8)),
        (b"0123\n56789\n", 0, (["0123"], 5)),
    ],
    ids=["nothing", "a line", "half a line", "made anew", "longer than an answer", "more than an answer"],
)
def test_complete_lines_after_a_byte(text: bytes, offset: int, expected: tuple[list[str], int], tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(text)
    assert complete_after(tmp_path / "a.log", offset, most=8) == expected


def test_last_lines_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none.log", 5) == []


def test_a_tail_gives_complete_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    tail = Tail(path, from_end=True)
    with open(path, "a") as log:
        log.write("new\nhal")
        log.flush()
        assert tail.read() == ["new"]
        log.write("f\n")
        log.flush()
        assert tail.read() == ["half"]
    assert tail.read() == []


def test_a_tail_reads_the_rest_of_a_rotated_file_and_then_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("")
    tail = Tail(path, from_end=True)
    path.write_text("last of the old\n")
    path.rename(tmp_path / "a.log.1")
    path.write_text("first of the new\n")
    assert tail.read() == ["last of the old"]
    assert tail.read() == ["first of the new"]


def test_a_tail_begins_again_when_the_file_was_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("one\ntwo\nunfinished")
    tail = Tail(path, from_end=False)
    assert tail.read() == ["one", "two"]
    path.write_text("anew\n")
    assert tail.read() == ["anew"]


def test_a_tail_waits_for_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "a.log", from_end=True)
    assert tail.read() == []
    (tmp_path / "a.log").write_text("here\n")
    assert tail.read() == ["here"]
