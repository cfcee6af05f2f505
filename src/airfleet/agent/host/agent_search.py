"""The agent of a home among the processes of this machine, when its socket is not where it should be.

That happens when the home was deleted, moved or copied while the fleet ran, and with an agent of an older airfleet,
whose socket lay in XDG_RUNTIME_DIR or below /tmp.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from airfleet.fleet.planning.paths import HOME, Paths, fleet_id, of
from airfleet.system import process_tree, procfs

#: how long an agent that has just ended may still be there
LAST_MOMENTS_SECONDS = 5.0

_MODULE, _ROOT = b"airfleet.agent", b"--root"


@dataclass(frozen=True)
class FoundAgent:
    """A living agent of a home."""

    pid: int
    #: what it was started with
    environ: Mapping[str, str]


def find(home: Path) -> tuple[FoundAgent, ...]:
    """Find the living agents of this home, of the same user; this process is none of them."""
    mark = fleet_id(home)
    found = (FoundAgent(pid, procfs.environment(pid)) for pid in procfs.of_user(os.geteuid()) if _is_agent(pid))
    return tuple(agent for agent in found if agent.environ.get(process_tree.MARK) == mark and agent.pid != os.getpid())


def homes_elsewhere(root: Path, home: Path) -> dict[int, str]:
    """Agents of the project in ``root`` with another home than this: pid -> their AIRFLEET_HOME, empty for none.

    ``home`` is the one of the project, not of a host in it.
    """
    of_root = (pid for pid in procfs.of_user(os.geteuid()) if _root_of(pid) == str(root.absolute()))
    told = {pid: procfs.environment(pid).get(HOME, "") for pid in of_root}
    return {pid: where for pid, where in told.items() if of(root, {HOME: where}).home != home}


def lasting(home: Path, seconds: float = LAST_MOMENTS_SECONDS) -> tuple[int, ...]:
    """Return the pids of agents that live on for so long: one that has given up its socket may be about to end."""
    left = {agent.pid for agent in find(home)}
    deadline = time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left &= {agent.pid for agent in find(home)}
    return tuple(left)


def holds(paths: Paths, pid: int) -> bool:
    """Tell whether this agent has the lock of the home, which so is neither moved nor deleted."""
    try:
        return paths.lock.read_text().split()[:1] == [str(pid)]
    except OSError:
        return False


@lru_cache
def reachable(paths: Paths) -> Paths:
    """Return the same places, or those of an agent of an older airfleet that runs for this home."""
    if has_socket(paths) or not paths.home.is_dir():
        return paths
    agents = find(paths.home)
    places = (replace(paths, runtime=folder) for one in agents for folder in _older_places(paths.home, one.environ))
    return next((place for place in places if _is_own(place.runtime) and has_socket(place)), paths)


def has_socket(paths: Paths) -> bool:
    """Tell whether an agent has its socket there; no when the folder is closed to this user, who is told later."""
    try:
        return paths.socket.exists()
    except PermissionError:
        return False


def _older_places(home: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    if base := environ.get("XDG_RUNTIME_DIR"):
        yield Path(base) / f"airfleet-{fleet_id(home)}"
    base = next((environ[name] for name in ("TMPDIR", "TEMP", "TMP") if environ.get(name)), tempfile.gettempdir())
    yield Path(base) / f"airfleet-{os.geteuid()}-{fleet_id(home)}"


def _is_own(folder: Path) -> bool:
    try:
        return folder.lstat().st_uid == os.geteuid() and folder.is_dir() and not folder.is_symlink()
    except OSError:
        return False


def _is_agent(pid: int) -> bool:
    return _root_of(pid) is not None


def _root_of(pid: int) -> str | None:
    """Return the project folder of an agent; None for another process, and for a zombie, which has no arguments."""
    words = procfs.words(pid)
    try:
        return os.fsdecode(words[words.index(_ROOT) + 1]) if _MODULE in words else None
    except (ValueError, IndexError):
        return None
