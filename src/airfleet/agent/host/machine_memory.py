"""Memory that processes of this machine may use: its own, or less where a control group limits them."""

from __future__ import annotations

from pathlib import Path

from airfleet.agent.host import cgroups

#: the files of a group that hold its limit, by either version
_LIMITS = ("memory.limit_in_bytes", "memory.max")


def usable_bytes(pid: int | None = None, proc: Path = Path("/proc")) -> int | None:
    """Return the memory of this machine, or the least limit of a process's groups; None where that is not known.

    The process is this one, unless another ``pid`` is given.
    """
    machine, own = _machine(proc), str(pid or "self")
    return min([*([] if machine is None else [machine]), *_limits(proc, own)], default=None)


def _machine(proc: Path) -> int | None:
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _limits(proc: Path, process: str) -> list[int]:
    """List the limits of a process's group and of those around it; a limit of none is far above any machine's."""
    try:
        own = cgroups.find((proc / process / "cgroup").read_text(), (proc / "self/mounts").read_text()).own
    except OSError:
        return []
    return [limit for group in (own, *own.parents) for limit in _limits_of(group)]


def _limits_of(group: Path) -> list[int]:
    found = []
    for name in _LIMITS:
        try:
            found.append(int((group / name).read_text()))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return found
