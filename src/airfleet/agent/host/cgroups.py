"""Limits of memory for components, kept by the kernel in control groups.

The agent makes a group for the fleet when it starts; a component, forked by the zygote, goes into a group of its own
in it before it forks anything itself, so that all its processes count together. Pages that it shares with the zygote
are not counted. Above the limit the kernel ends one of its processes, the largest as a rule: of a worker, the
attempt that asks too much.

Control groups of version 2 give limits only below a group without processes of its own (reference: "No Internal Process
Constraint" in Linux' Documentation/admin-guide/cgroup-v2.rst). So the agent first moves into a group of its own, with
the ``airfleet up`` that has started it. Version 1 has no such rule. Where it is not allowed (a group
that is shared with others, no right to write there, no control groups at all) the agent's log says so, and components
run without limit.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airfleet.events import Event, Log
from airfleet.fleet.planning.plan import Plan

#: names the fleet's group to the components
GROUP = "AIRFLEET_CONTROL_GROUP"
#: the option of a component that holds its limit
OPTION = "memory_bytes"
#: the file of a group that takes the limit, by version
_LIMIT = {1: "memory.limit_in_bytes", 2: "memory.max"}
#: the group in the fleet's in which its agent is, by version 2
_AGENT = "agent"
_PROCESSES, _GIVEN_ON = "cgroup.procs", "cgroup.subtree_control"


@dataclass(frozen=True)
class Hierarchy:
    """The control groups of this process that count memory."""

    version: int
    #: the group it is in
    own: Path


def prepare(plan: Plan, fleet_id: str, log: Log) -> Path | None:
    """Make the fleet's group when a component has a limit; None without one, or where it is not allowed."""
    if all(component.memory_bytes is None for component in plan.components):
        return None
    group = None
    try:
        hierarchy = find(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mounts").read_text())
        group = group_of(hierarchy.own, fleet_id)
        group.mkdir(exist_ok=True)
        if hierarchy.version == 2:
            step_aside(group, "memory")
    except OSError as refused:
        log(Event.LIMITS_IMPOSSIBLE, why=_plain(refused))
        remove(group)
        return None
    os.environ[GROUP] = str(group)
    return group


def not_kept(plan: Plan, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Name the components whose limits are not in force, in an agent of this environment."""
    limited = tuple(component.name for component in plan.components if component.memory_bytes is not None)
    return () if GROUP in environ else limited


def group_of(own: Path, fleet_id: str) -> Path:
    """Return the fleet's group in that of its agent; the heir of an agent that died begins where that one was."""
    name = f"airfleet-{fleet_id}"
    return own.parent if (own.parent.name, own.name) == (name, _AGENT) else own / name


def step_aside(group: Path, controller: str) -> None:
    """Have groups in ``group`` limited, by version 2. Raises OSError, also when strangers are in the one around it."""
    own, aside = group.parent, group / _AGENT
    aside.mkdir(exist_ok=True)
    there = {int(pid) for pid in (own / _PROCESSES).read_text().split()}
    for pid in (os.getpid(), os.getppid()):
        if pid in there:
            _write(aside / _PROCESSES, str(pid))
    for limited in (own, group):
        _write(limited / _GIVEN_ON, f"+{controller}")


def step_back(group: Path, controller: str) -> None:
    """Undo :func:`step_aside`, as far as strangers allow it."""
    own, aside = group.parent, group / _AGENT
    (group / _GIVEN_ON).write_text(f"-{controller}")
    if (own / "cgroup.type").exists():  # the first group of all may give on what others need, and has processes as well
        (own / _GIVEN_ON).write_text(f"-{controller}")
    for pid in (aside / _PROCESSES).read_text().split():
        with contextlib.suppress(ProcessLookupError):
            (own / _PROCESSES).write_text(pid)
    aside.rmdir()


def enter(name: str, options: Mapping[str, str]) -> None:
    """Put this process, a component, under its limit. One that cannot be is told, and runs without."""
    group, limit = os.environ.get(GROUP), options.get(OPTION)
    if not group or not limit:
        return
    own = Path(group) / name
    try:
        own.mkdir(exist_ok=True)
        (own / _limit_of(own)).write_text(limit)
        (own / _PROCESSES).write_text(str(os.getpid()))
    except OSError as refused:
        print(f"runs without its limit of memory: {refused}", flush=True)


def remove(group: Path | None) -> None:
    """Remove the fleet's group at the end, when nothing runs in it any more."""
    if group is None:
        return
    with contextlib.suppress(OSError):
        for own in group.iterdir():
            if own.is_dir() and own.name != _AGENT:
                own.rmdir()
        if (group / _AGENT).is_dir():
            step_back(group, "memory")
        group.rmdir()


def find(groups: str, mounts: str) -> Hierarchy:
    """Find the group of a process, by its ``/proc/self/cgroup`` and ``/proc/self/mounts``.

    Raises OSError when memory is counted nowhere.
    """
    kinds = {line.split()[2]: Path(line.split()[1]) for line in mounts.splitlines() if _counts_memory(line)}
    for line in groups.splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(",") and "cgroup" in kinds:
            return Hierarchy(1, kinds["cgroup"] / path.lstrip("/"))
        if not controllers and "cgroup2" in kinds and "cgroup" not in kinds:
            return Hierarchy(2, kinds["cgroup2"] / path.lstrip("/"))
    raise OSError("this kernel has no control groups that count memory")


def _counts_memory(mount: str) -> bool:
    _, _, kind, options, *_ = mount.split()
    return kind == "cgroup2" or (kind == "cgroup" and "memory" in options.split(","))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError as refused:  # a kernel that refuses what is written does not say of which file
        raise OSError(refused.errno, refused.strerror, str(file)) from None


def _plain(refused: OSError) -> str:
    if refused.errno == errno.EBUSY:
        own = Path(str(refused.filename)).parent
        return f"others run in its control group {own}; a systemd unit of its own with Delegate=yes has one"
    return str(refused)


def _limit_of(group: Path) -> str:
    return _LIMIT[1] if (group / _LIMIT[1]).exists() else _LIMIT[2]
