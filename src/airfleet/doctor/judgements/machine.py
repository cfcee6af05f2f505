"""Judgements of the machine: disks, file descriptors, limits of memory."""

from __future__ import annotations

from collections.abc import Iterator

from airfleet.agent.bootstrap import NEEDED_BYTES
from airfleet.agent.host.disk_monitor import LOW_BYTES
from airfleet.doctor.facts import Descriptors, Disk, MemoryLimits, OwnServers
from airfleet.doctor.finding import Seen, fine, seen_or, warning, wrong
from airfleet.errors import listed

#: shares of a limit from which it is judged
FULL, NEARLY_FULL = 0.9, 0.7
#: the share of inodes that has to be left
INODES = 0.02
_MB = 2**20


def disks(found: tuple[Disk, ...]) -> tuple[Seen, ...]:
    """Judge the room on the disks of the fleet."""
    least = min((one.free_bytes for one in found), default=0) // _MB
    return seen_or((seen for one in found for seen in _disk(one)), f"disks have {least:,} MB left, or more")


def _disk(one: Disk) -> Iterator[Seen]:
    room = f"the disk of {one.folder} has {one.free_bytes // _MB} MB left"
    free_it = f"du -xh --max-depth=2 {one.folder}"
    if one.free_bytes < LOW_BYTES:
        yield wrong(f"{room}: logs get lost, and what writes there may fail", free_it)
    elif one.has_home and one.free_bytes < NEEDED_BYTES:
        yield warning(f"{room}; a fleet needs {NEEDED_BYTES // _MB} MB to start", free_it)
    if one.inodes_left < INODES:
        yield wrong(f"the disk of {one.folder} has {one.inodes_left:.1%} of its inodes left", f"df -i {one.folder}")


def descriptors(found: tuple[Descriptors, ...]) -> tuple[Seen, ...]:
    """Judge the file descriptors of each process by its limit."""
    most = max(found, key=lambda one: one.used / one.limit)
    return seen_or(
        (seen for one in found for seen in _descriptors(one)),
        f"of {len(found)} processes {most.process} uses most file descriptors: {most.used} of {most.limit}",
    )


def _descriptors(one: Descriptors) -> Iterator[Seen]:
    share = one.used / one.limit
    if share >= NEARLY_FULL:
        sentence = f"process {one.pid} ({one.process}) has {one.used} of {one.limit} file descriptors open"
        yield (wrong if share >= FULL else warning)(sentence, "raise LimitNOFILE= or 'ulimit -n', then start anew")


def own_servers(found: OwnServers) -> tuple[Seen, ...]:
    """Judge whether a start would find the programs of the embedded servers."""
    if found.refused:
        return (wrong(found.refused, found.next),)
    named = f"the agent runs {listed(found.programs, 3)}" if found.programs else "the fleet runs no server of its own"
    kept = f"; an earlier cluster is kept in {listed(found.kept, 3)}" if found.kept else ""
    return (fine(named + kept),)


def memory_limits(found: MemoryLimits) -> tuple[Seen, ...]:
    """Judge whether the kernel keeps the limits of memory that fleet.yaml sets."""
    if not found.limited:
        return (fine("fleet.yaml limits the memory of no component"),)
    names = listed(found.limited, 3)
    if found.why_not:
        return (wrong(f"the limit of memory is not kept of {names}: {found.why_not}", "airfleet logs agent"),)
    return (fine(f"the kernel keeps the limit of memory of {names}"),)
