"""The heap that forks share: no holes, huge pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def test_holes_in_the_heap_are_filled_and_stay_filled() -> None:
    script = (
        "from airfleet.zygote import shared_heap as heap\n"
        "kept = [bytes(60) for _ in range(20_000)][::2]\n"  # every second place is a hole now
        "first, second = heap.fill_holes(), heap.fill_holes()\n"
        "heap.trim()\n"
        "print(first, second)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    first, second = map(int, done.stdout.split())
    assert done.stderr == ""
    assert first > 5_000
    assert second < first / 5


def test_huge_pages_hold_what_was_there_and_a_fork_writes_to_its_own() -> None:
    script = """
import os, re, sys
from airfleet.zygote import shared_heap as heap

kept = [bytes([number % 256]) * 3000 for number in range(20_000)]
changing = bytearray(8 * 2**20)
done = heap.use_huge_pages()
huge = int(re.search(r"AnonHugePages: *([0-9]+) kB", open("/proc/self/smaps_rollup").read())[1]) * 1024
if (child := os.fork()) == 0:
    changing[:] = b"x" * len(changing)
    os._exit(0)
os.waitpid(child, 0)
intact = not any(changing) and all(one == bytes([number % 256]) * 3000 for number, one in enumerate(kept))
print(done, huge, intact)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    made, huge, intact = done.stdout.split()
    release = tuple(int(part) for part in re.findall("[0-9]+", os.uname().release)[:2])
    supported = release >= (6, 1) and Path("/sys/kernel/mm/transparent_hugepage").exists()
    assert intact == "True"
    assert int(made) % 2**21 == 0
    assert int(huge) >= int(made)
    assert (int(made) > 20_000 * 3000 / 2) is supported


def test_memory_that_nothing_refers_to_is_given_back() -> None:
    script = """
from pathlib import Path
from airfleet.zygote import shared_heap as heap

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

class Ring:
    def __init__(self):
        self.itself, self.memory = self, [b"x" * 100_000 for _ in range(200)]

Ring()
before = resident()
heap.give_back()
print((before - resident()) * 4096)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 15_000_000
