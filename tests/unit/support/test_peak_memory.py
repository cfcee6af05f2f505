"""The peak of memory is that of the process itself."""

from __future__ import annotations

import os
import subprocess
import sys

from support import peak_memory

MANY = 100 << 20


def test_a_peak_stays_until_it_is_forgotten() -> None:
    before = peak_memory.forget_peak()
    held = bytearray(os.urandom(1) * MANY)
    assert peak_memory.peak_bytes() - before > MANY // 2
    del held
    assert peak_memory.peak_bytes() - before > MANY // 2
    assert peak_memory.forget_peak() - before < MANY // 2


def test_a_program_has_nothing_of_the_one_that_started_it() -> None:
    held = bytearray(os.urandom(1) * MANY)
    words = [sys.executable, "-c", "from support.peak_memory import peak_bytes; print(peak_bytes())"]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run(words, env=environ, capture_output=True, text=True, check=True).stdout
    assert int(said) < len(held) < peak_memory.peak_bytes()
