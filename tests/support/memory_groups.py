"""A control group with a limit of memory and no swap, by either version, for programs that a test starts.

The kernel counts what the group's processes allocate, and the pages of files that they were the first to read. Files
that others have read before count with these; such pages are given back under pressure, and never a reason to end a
process.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from airfleet.agent.host import cgroups
from airfleet.agent.host.cgroups import Hierarchy

_REMOVED_SECONDS = 30.0


@dataclass(frozen=True)
class MemoryGroup:
    """One group. ``within`` makes the command that runs a program in it."""

    folder: Path
    version: int

    def within(self, argv: Sequence[str]) -> list[str]:
        """Return the command that enters the group and becomes this program."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.folder / "cgroup.procs"), *argv]

    @property
    def killed(self) -> int:
        """Return how many processes the kernel has ended because the group had no memory left."""
        file = "memory.oom_control" if self.version == 1 else "memory.events"
        return self._table(file)["oom_kill"]

    @property
    def most_bytes(self) -> int:
        """Return the most memory that the group has had at a time, pages of files among it."""
        return int(self._read("memory.max_usage_in_bytes" if self.version == 1 else "memory.peak"))

    @property
    def swapped_bytes(self) -> int:
        """Return the bytes of the group that are on a swap device."""
        if self.version == 1:
            return self._table("memory.stat").get("swap", 0)
        return int(self._read("memory.swap.current"))

    def _table(self, file: str) -> dict[str, int]:
        return {words[0]: int(words[1]) for line in self._read(file).splitlines() if len(words := line.split()) == 2}

    def _read(self, file: str) -> str:
        return (self.folder / file).read_text().strip()


@contextmanager
def limited(name: str, limit_bytes: int) -> Iterator[MemoryGroup]:
    """Make a group in that of this process, and remove it. Raises OSError where this process may not.

    The programs in it have to be ended before. The number of this process is added to its name: an earlier one may have
    been killed, and its group is there still.
    """
    hierarchy = own_hierarchy()
    group = MemoryGroup(hierarchy.own / f"{name}-{os.getpid()}", hierarchy.version)
    group.folder.mkdir()
    try:
        for file, value in _settings(group.version, limit_bytes):
            # Not every kernel counts swap; where there is none, nothing is lost.
            with suppress(FileNotFoundError):
                (group.folder / file).write_text(str(value)) if (group.folder / file).exists() else None
        yield group
    finally:
        remove(group.folder)


def obstacle() -> str:
    """Return the reason why this process can limit no group; empty where it can."""
    try:
        with limited("airfleet-test-of-limits", 2**30):
            return ""
    except OSError as refused:
        return f"control groups cannot limit memory here: {refused}"


def own_hierarchy() -> Hierarchy:
    """Find the groups of this process. Raises OSError where memory is counted nowhere."""
    return cgroups.find(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mounts").read_text())


def _settings(version: int, limit_bytes: int) -> tuple[tuple[str, int], ...]:
    if version == 1:
        return (
            ("memory.limit_in_bytes", limit_bytes),
            ("memory.memsw.limit_in_bytes", limit_bytes),
            ("memory.swappiness", 0),
        )
    return (("memory.max", limit_bytes), ("memory.swap.max", 0))


def remove(folder: Path) -> None:
    """Remove a group; its last processes may be about to end. Raises OSError for one that keeps some."""
    deadline = time.monotonic() + _REMOVED_SECONDS
    while True:
        try:
            folder.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError as busy:
            if busy.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
