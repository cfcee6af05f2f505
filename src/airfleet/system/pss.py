"""Memory of processes: proportional set size, where shared pages are divided among those who share them."""

from __future__ import annotations

import os
from collections.abc import Iterable


def of_process(pid: int) -> float | None:
    """PSS of one process in MB; None when it is gone or may not be read."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


def of_sessions(leaders: Iterable[int]) -> dict[int, float]:
    """PSS in MB of each leader together with every process of its session and below it."""
    wanted = set(leaders)
    owner = {pid: pid for pid in wanted}
    parents, sessions = _table()
    for pid in parents:
        _find_owner(pid, owner, parents, sessions)
    used = dict.fromkeys(wanted, 0.0)
    for pid, leader in owner.items():
        if leader:
            used[leader] += of_process(pid) or 0.0
    return used


def _find_owner(pid: int, owner: dict[int, int], parents: dict[int, int], sessions: dict[int, int]) -> int:
    if pid not in owner:
        owner[pid] = 0  # a circle cannot be, but a pid reused meanwhile can
        session = sessions.get(pid, 0)
        if owner.get(session, 0) == session and session:
            owner[pid] = session
        elif (parent := parents.get(pid, 0)) > 1:
            owner[pid] = _find_owner(parent, owner, parents, sessions)
    return owner[pid]


def _table() -> tuple[dict[int, int], dict[int, int]]:
    parents: dict[int, int] = {}
    sessions: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", errors="replace") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(name)], sessions[int(name)] = int(fields[1]), int(fields[3])
    return parents, sessions
