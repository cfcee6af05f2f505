"""Facts about this machine: disks, file descriptors, control groups, and what dead fleets left."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from airfleet.agent.control import Snapshot
from airfleet.agent.host import agent_search, cgroups
from airfleet.agent.servers import cluster_switch, embedded_servers, server_programs
from airfleet.doctor.facts import AgentTrouble, Damage, Descriptors, Disk, LeftProcess, MemoryLimits, OwnServers
from airfleet.doctor.finding import Unknown
from airfleet.doctor.gathering.secret_facts import process_name
from airfleet.doctor.gathering.situation import Situation
from airfleet.errors import FleetError
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning import ports
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.servers import secrets
from airfleet.system import process_tree, procfs

_OPEN_FILES = re.compile(rb"^Max open files\s+(\S+)", re.MULTILINE)


def disks(paths: Paths, system_state: Path = embedded_servers.SYSTEM_STATE) -> tuple[Disk, ...]:
    """Look at each disk that the fleet writes to, once."""
    folders = (paths.home, paths.logs, paths.task_logs, system_state / fleet_id(paths.home))
    there = {os.stat(folder).st_dev: folder for folder in reversed(folders) if folder.exists()}
    if not there:
        raise FleetError("the fleet was not started here yet", hint="airfleet up")
    return tuple(_disk(folder, is_home=folder == paths.home) for folder in there.values())


def damage(paths: Paths) -> tuple[Damage, ...]:
    """Read the files that a fleet keeps for its next start; those that are not there are fine."""
    if not paths.home.is_dir():
        raise FleetError("the fleet was not started here yet", hint="airfleet up")
    looks: tuple[Callable[[], object], ...] = (
        lambda: secrets.load(paths.secrets),
        lambda: ports.read_kept(paths.ports),
        lambda: server_programs.read_record(paths.servers),
    )
    return tuple(filter(None, map(_damage, looks)))


def _damage(look: Callable[[], object]) -> Damage | None:
    try:
        look()
    except FleetError as wrong:
        return Damage(wrong.sentence, wrong.hint or "bring it back from a backup")
    except OSError as refused:
        return Damage(f"{refused.filename} cannot be read: {refused.strerror}", "see its rights, and the disk")
    return None


def _disk(folder: Path, *, is_home: bool) -> Disk:
    found = os.statvfs(folder)
    inodes = found.f_favail / found.f_files if found.f_files else 1.0
    return Disk(str(folder), found.f_bavail * found.f_frsize, inodes, is_home)


def descriptors(pids: Iterable[int]) -> tuple[Descriptors, ...]:
    """Count the open file descriptors of processes, and their limits. Raises FleetError when none can be seen."""
    found = tuple(one for pid in pids for one in _descriptors(pid))
    if not found:
        raise FleetError("no process of the fleet runs here", hint="airfleet up")
    return found


def _descriptors(pid: int) -> Iterator[Descriptors]:
    limit = _OPEN_FILES.search(procfs.read(pid, "limits"))
    if limit is None or not limit[1].isdigit():
        return
    try:
        yield Descriptors(pid, process_name(pid), len(os.listdir(f"{procfs.PROC}/{pid}/fd")), int(limit[1]))
    except OSError:  # it is gone, or another user's
        return


def memory_limits(plan: Plan, snapshot: Snapshot | None) -> MemoryLimits:
    """Tell whether limits of memory are kept by a fleet that runs, or could be by one that is started here."""
    limited = tuple(component.name for component in plan.components if component.memory_bytes is not None)
    if snapshot is not None:
        return MemoryLimits(limited, "the agent could not make control groups" if snapshot.unlimited else "")
    return MemoryLimits(limited, _why_no_groups() if limited else "")


def own_servers(fleet: Fleet, paths: Paths, environ: Mapping[str, str]) -> OwnServers:
    """Look for the programs of embedded servers, as a start of the fleet does."""
    kept = cluster_switch.kept(embedded_servers.data_place(paths) / embedded_servers.POSTGRES)
    named = tuple(str(one.path) for one in kept)
    try:
        found = embedded_servers.look(paths, fleet, environ)
    except FleetError as refused:
        return OwnServers((), refused.sentence, refused.hint or "airfleet up", named)
    return OwnServers(tuple(str(one) for one in found if one is not None), kept=named)


def _why_no_groups() -> str:
    try:
        found = cgroups.find(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mounts").read_text())
    except OSError as refused:
        return str(refused)
    if not os.access(found.own, os.W_OK):
        return f"the control group {found.own} is not delegated to this user (Delegate=yes in a unit of systemd)"
    return ""


def left_processes(situation: Situation) -> tuple[LeftProcess, ...]:
    """Find processes of this fleet that no living agent has.

    Raises FleetError while the agent is in trouble: what runs may be adopted by the next one.
    """
    agent = situation.agent
    if isinstance(agent, AgentTrouble):
        raise FleetError(f"{agent.sentence} (D301)", hint=agent.next)
    written_down = process_tree.read_down(situation.paths.processes)
    kept = {one.pid for one in written_down if one.lives}
    if isinstance(agent, Snapshot):
        kept.add(agent.pid)
    table = procfs.table()
    left = (pid for pid in situation.pids() if not process_tree.belongs(pid, table, kept) and not _is_above_us(pid))
    return tuple(LeftProcess(pid, process_name(pid)) for pid in left)


def left_socket(situation: Situation) -> str:
    """Return the socket that an agent left behind; empty without one, and while an agent lives or has just died."""
    paths = situation.paths
    is_left = isinstance(situation.agent, Unknown) and agent_search.has_socket(paths)
    return str(paths.socket) if is_left and not agent_search.find(paths.home) else ""


def _is_above_us(pid: int) -> bool:
    """Tell whether this command was started below a process, as by a task."""
    table, own = procfs.table(), os.getpid()
    while found := table.get(own):
        if own == pid:
            return True
        own = found.parent
    return False
