"""Memory of a process, and of a session with everything below it."""

from __future__ import annotations

import os
import subprocess
import sys

from airfleet.system import pss


def test_memory_of_a_process_and_of_its_session() -> None:
    own = pss.of_process(os.getpid())
    assert own is not None
    assert 5 < own < 5000
    script = "import subprocess, sys; b = bytearray(30_000_000); subprocess.run([sys.executable, '-c', INNER])"
    inner = "b = bytearray(20_000_000); print('there', flush=True); input()"
    argv = [sys.executable, "-c", script.replace("INNER", repr(inner))]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "there\n"
        alone, whole = pss.of_process(child.pid), pss.of_sessions([child.pid])[child.pid]
        assert alone is not None
        assert whole > alone + 15  # the inner process has 20 MB of its own
        child.communicate("\n")


def test_a_process_that_is_gone_uses_nothing() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert pss.of_process(ended.pid) is None
    assert pss.of_sessions([ended.pid]) == {ended.pid: 0.0}
