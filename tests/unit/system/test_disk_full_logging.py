"""What is written to a full disk (``/dev/full`` is one) is lost, nobody is hurt, and every other error is one."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airfleet.system import disk_full_logging
from airfleet.system.disk_full_logging import LossyFile, LossyLogger

FULL = Path("/dev/full")


def test_a_line_that_has_no_room_is_lost_and_the_writer_goes_on() -> None:
    with disk_full_logging.text(FULL) as log:
        for _ in range(1000):
            log.write("a line, and another one after it\n" * 100)
            log.flush()


def test_lines_are_appended_to_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "agent.log"
    for line in ("one", "two ✓"):
        with disk_full_logging.text(path) as log:
            log.write(f"{line}\n")
    assert path.read_text("utf-8") == "one\ntwo ✓\n"
    assert path.stat().st_mode & 0o777 == 0o600


class Disk(io.FileIO):
    """A file on a disk with so many bytes left: what has room is written, the rest is an error."""

    room = 5

    def write(self, data: Any) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = super().write(bytes(data)[: self.room])
        self.room -= written
        return written


class FileOnDisk(LossyFile, Disk):
    """The lossy file, on that disk."""


def test_a_line_that_was_cut_off_is_ended_before_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    raw = FileOnDisk(path, "a")
    with io.BufferedWriter(raw) as log:
        log.write(b"first line\n")
        log.flush()
        raw.room = 1000
        log.write(b"second line\n")
    assert path.read_bytes() == b"first\nsecond line\n"


def test_every_other_error_is_one(tmp_path: Path) -> None:
    raw = LossyFile(tmp_path / "log", "a")
    os.close(raw.fileno())
    with pytest.raises(OSError, match="Bad file descriptor"):
        raw.write(b"line\n")


def test_a_process_whose_output_has_no_room_ends_well() -> None:
    script = (
        "from airfleet.system import disk_full_logging; disk_full_logging.keep_streams()\n"
        "for _ in range(9000): print('a line', flush=True)"
    )
    with FULL.open("w") as full:
        assert subprocess.run([sys.executable, "-c", script], stdout=full, stderr=full, check=False).returncode == 0


def test_streams_are_kept_as_they_were(tmp_path: Path) -> None:
    script = """\
import sys
before = [(s.encoding, s.errors, s.line_buffering, s.fileno()) for s in (sys.stdout, sys.stderr)]
print("before")
from airfleet.system import disk_full_logging as lossy
lossy.keep_streams()
assert before == [(s.encoding, s.errors, s.line_buffering, s.fileno()) for s in (sys.stdout, sys.stderr)]
print("after")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("before\nafter\n", "")


class Logger:
    """Raises what it is told to."""

    name = "task"

    def __init__(self, error: OSError | None = None) -> None:
        self.error = error
        self.lines: list[str] = []

    def info(self, line: str) -> None:
        if self.error:
            raise self.error
        self.lines.append(line)


def test_a_logger_loses_lines_and_is_else_the_one_that_it_wraps() -> None:
    well = Logger()
    LossyLogger(well).info("line")
    assert well.lines == ["line"]
    assert LossyLogger(well).name == "task"
    LossyLogger(Logger(OSError(errno.ENOSPC, "full"))).info("line")
    LossyLogger(Logger(OSError(errno.EDQUOT, "full"))).info("line")
    with pytest.raises(OSError, match="broken"):
        LossyLogger(Logger(OSError(errno.EIO, "broken"))).info("line")
