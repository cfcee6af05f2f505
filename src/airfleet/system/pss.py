"""Memory of processes: proportional set size, where shared pages are divided among those who share them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from airfleet.system import procfs
from airfleet.system.procfs import Stat


def of_process(pid: int) -> float | None:
    """Return the PSS of one process in MB; None when it is gone or may not be read."""
    for line in procfs.read(pid, "smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) / 1024
    return None


def of_sessions(leaders: Iterable[int]) -> dict[int, float]:
    """Return the PSS in MB of each leader together with every process of its session and below it."""
    used = dict.fromkeys(leaders, 0.0)
    owner = {pid: pid for pid in used}
    table = procfs.table()
    for pid in table:
        _find_owner(pid, owner, table)
    for pid, leader in owner.items():
        if leader:
            used[leader] += of_process(pid) or 0.0
    return used


def _find_owner(pid: int, owner: dict[int, int], table: Mapping[int, Stat]) -> int:
    """Return the leader that a process counts for, and note it in ``owner``; 0 for none."""
    if pid not in owner:
        owner[pid] = 0  # a circle cannot be, but a pid reused meanwhile can
        found = table.get(pid)
        if found and found.session and owner.get(found.session) == found.session:
            owner[pid] = found.session
        elif found and found.parent > 1:
            owner[pid] = _find_owner(found.parent, owner, table)
    return owner[pid]
