"""Processes with the titles of monitors and attempts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def titled(title: str, first: str = "pass") -> Iterator[int]:
    """A process that shows this title."""
    code = f"import setproctitle, signal, time; {first}; setproctitle.setproctitle({title!r}); print(flush=True)"
    child = subprocess.Popen([sys.executable, "-c", f"{code}; time.sleep(60)", " " * 80], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield child.pid
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
