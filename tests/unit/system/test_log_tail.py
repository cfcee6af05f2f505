"""The end of a log file, in bounded memory whatever the file holds."""

from __future__ import annotations

from pathlib import Path

from airfleet.system import log_tail
from airfleet.system.log_tail import MOST_AT_THE_END, MOST_BYTES, Tail, last_lines


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
