"""Questions to the agent of a fleet, by its owner alone. An agent that hangs is neither well nor away."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path

from airfleet.agent import control
from airfleet.agent.control import AgentGone, HostStatus, Snapshot, is_fine
from airfleet.agent.host import agent_search
from airfleet.agent.states import HostState
from airfleet.client import command_line
from airfleet.client.project import Project
from airfleet.errors import FleetError, Unhealthy
from airfleet.fleet.planning import ownership
from airfleet.fleet.planning.paths import Paths
from airfleet.system import process_tree

#: between two looks for the socket of an agent that starts
PAUSE_SECONDS = 0.1


def snapshot(root: Path, paths: Paths, *, memory: bool = False) -> Snapshot | None:
    """Ask for a snapshot of the host; None without an agent, and with one that could not be asked for seconds.

    Raises FleetError when the fleet is somebody else's, Unhealthy when its agent does not answer.
    """
    require_own(paths)
    deadline = time.monotonic() + agent_search.LAST_MOMENTS_SECONDS
    try:
        while (found := _now(paths, memory)) is None and agent_search.find(paths.home):
            if time.monotonic() > deadline:
                break
            time.sleep(PAUSE_SECONDS)  # it has just started, or is about to end
        return found
    except TimeoutError:
        hint = f"its log is {paths.log('agent')}"
        raise Unhealthy(f"the agent of the fleet in {root} does not answer", hint=hint) from None


def require_own(paths: Paths) -> None:
    """Raise FleetError, with the command that its owner calls, when the fleet is somebody else's."""
    ownership.require_own(paths, shlex.join(("airfleet", *command_line.words())))


def is_healthy(snapshot: Snapshot) -> bool:
    """Tell whether this host is healthy, and every other one of fleet.yaml is up, alike, and reports health."""
    alike = not snapshot.differences and not snapshot.refused
    heard = not snapshot.missing and all(_is_well(host, snapshot.host) for host in snapshot.hosts)
    return snapshot.healthy and alike and heard


def _is_well(host: HostStatus, here: str) -> bool:
    return host.state is HostState.UP and (
        host.host == here or all(is_fine(component) for component in host.components)
    )


def about(host: HostStatus) -> str:
    """Describe the state of a host."""
    texts = {
        HostState.UP: "drained" if host.drained else "up",
        HostState.LATE: "not seen",
        HostState.GONE: f"gone, says {host.ended_by}",
        HostState.LEFT: "down",
    }
    return texts[host.state]


def not_running(here: Project) -> FleetError:
    """Make the error for a question to a fleet that does not run, or cannot be asked."""
    for agent in agent_search.find(here.paths.home):
        if agent_search.holds(here.paths, agent.pid):
            sentence = (
                f"the agent of the fleet in {here.root} (process {agent.pid}) starts or ends, and cannot be asked"
            )
            return Unhealthy(sentence, hint=f"airfleet status, in a moment; its log is {here.paths.log('agent')}")
        sentence = f"the fleet in {here.root} runs (agent {agent.pid}), but its home was moved or deleted"
        return FleetError(sentence, hint="airfleet down")
    if on_their_own := running_alone(here):
        what = f"{on_their_own} {'component runs' if on_their_own == 1 else 'components run'} on without it"
        return Unhealthy(
            f"the agent of the fleet in {here.root} has died; {what}",
            hint="'airfleet up' goes on with what runs, 'airfleet down' ends it",
        )
    if found := elsewhere(here):
        return FleetError(
            f"the fleet in {here.root} is not running here; one with another home is (agent {found.pid})",
            hint=f"{found.asked_by} asks that one; airfleet up starts this one",
        )
    return FleetError(f"the fleet in {here.root} is not running", hint="airfleet up")


def running_alone(here: Project) -> int:
    """Count the components that run on without their agent, which has died."""
    return sum(component.lives for component in process_tree.read_down(here.paths.processes))


@dataclass(frozen=True)
class Elsewhere:
    """An agent of the same project with another home."""

    pid: int
    #: what stands before a command that is for it
    asked_by: str
    #: whether its home is the one that needs no AIRFLEET_HOME
    is_usual: bool


def elsewhere(here: Project) -> Elsewhere | None:
    """Find an agent of the project with another home than this one."""
    for pid, home in agent_search.homes_elsewhere(here.root, here.paths.shared or here.paths.home).items():
        return Elsewhere(pid, f"AIRFLEET_HOME={shlex.quote(home)}" if home else "env -u AIRFLEET_HOME", not home)
    return None


def _now(paths: Paths, memory: bool) -> Snapshot | None:
    try:
        return control.status(paths.socket, memory=memory)
    except AgentGone:
        return None
