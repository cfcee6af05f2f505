"""A program in a terminal of its own, with a person who reads and presses Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CTRL_C = b"\x03"


@dataclass
class Terminal:
    """The screen and the keyboard of a running program."""

    program: subprocess.Popen[bytes]
    keyboard_and_screen: int
    shown: str = ""

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self.keyboard_and_screen, keys)

    def read_until(self, words: str, seconds: float) -> str:
        """Wait for ``words``, and give the whole screen. Raises AssertionError when they do not come."""
        deadline = time.monotonic() + seconds
        while words not in self.shown:
            assert time.monotonic() < deadline, f"'{words}' not within {seconds:.0f} s:\n{self.shown}"
            assert self._read(0.2), f"the program ended without '{words}':\n{self.shown}"
        return self.shown

    def wait(self, seconds: float) -> int:
        """Wait for the program's exit code."""
        deadline = time.monotonic() + seconds
        while self._read(0.2):
            assert time.monotonic() < deadline, f"has not ended within {seconds:.0f} s:\n{self.shown}"
        return self.program.wait(timeout=max(deadline - time.monotonic(), 1.0))

    def _read(self, seconds: float) -> bool:
        """Read what has come; False when the last program has left the terminal."""
        ready, _, _ = select.select([self.keyboard_and_screen], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.keyboard_and_screen, 65536)
        except OSError:  # how Linux says that nobody holds the other end any more
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)


@contextmanager
def terminal(argv: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> Iterator[Terminal]:
    """Run ``argv`` in a new terminal of 120 columns; it is ended with the block."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    # setsid alone leaves a process without a terminal: `-c` makes this one its own, so that Ctrl-C arrives.
    program = subprocess.Popen(
        ["setsid", "-c", "-w", *argv], stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env=dict(environ)
    )
    os.close(theirs)
    try:
        yield Terminal(program, ours)
    finally:
        if program.poll() is None:
            program.terminate()
            program.wait()
        os.close(ours)
