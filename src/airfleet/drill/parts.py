"""The parts of a fleet that a drill can end, and how each is ended."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from airfleet.agent import launch
from airfleet.agent.control import AlreadyRuns, ComponentStatus, Snapshot
from airfleet.client import agent_client, overrides
from airfleet.client.api_client import Api
from airfleet.client.project import Project
from airfleet.drill import killing
from airfleet.drill.killing import Attempts
from airfleet.drill.placement import PipelinePlace
from airfleet.errors import FleetError, Unhealthy
from airfleet.system import procfs

#: part -> kind of the component that is ended for it
KINDS: Mapping[str, str] = {
    "scheduler": "scheduler",
    "worker": "worker",
    "api-server": "api-server",
    "broker": "valkey",
    "database": "postgres",
}
HOST = "host"
PARTS = (*KINDS, HOST)


@dataclass(frozen=True)
class DrilledFleet:
    """The fleet that is drilled."""

    here: Project
    #: variables with which its agent was started
    environ: Mapping[str, str]
    #: where its pipeline is for the time of the drill
    place: PipelinePlace
    queue: str
    #: task slots of that queue
    slots: int
    api: Api
    #: names of workers (in fleet.yaml) that take tasks of that queue
    workers: tuple[str, ...] = ()
    #: hosts on other machines that have dag-processors, too; whether these read the same folder is not known
    other_readers: tuple[str, ...] = ()
    #: folder of the journals of its tasks
    witness_folder: Path = Path()


def require_health(fleet: DrilledFleet) -> Snapshot:
    """Give the fleet's snapshot. Raises Unhealthy when it or a host is not well: a drill breaks one thing at a time."""
    snapshot = overrides.running(fleet.here)
    if not agent_client.is_healthy(snapshot):
        raise Unhealthy("the fleet is not healthy; a drill would show nothing", hint="airfleet status")
    return snapshot


def victim_of(part: str, snapshot: Snapshot, workers: Collection[str] = ()) -> ComponentStatus:
    """Choose the component that is ended for ``part``: of several workers one of these, if one of them runs here.

    Raises FleetError when this host runs none.
    """
    running = [one for one in snapshot.components if one.kind == KINDS[part] and one.pid is not None]
    if not running:
        raise FleetError(
            f"no {part} of fleet '{snapshot.fleet}' runs on this host",
            hint=f"what somebody else runs is for them to break; drill another part: {', '.join(available(snapshot))}",
        )
    return next((one for one in running if one.group in workers), running[0])


def available(snapshot: Snapshot) -> tuple[str, ...]:
    """List the parts that can be drilled here."""
    kinds = {one.kind for one in snapshot.components if one.pid is not None}
    return (*(part for part, kind in KINDS.items() if kind in kinds), HOST)


@dataclass(frozen=True)
class PartKilled:
    """One component is ended without a warning, or the whole host, which is then started again."""

    name: str
    tell: Callable[[str], None]
    #: the fleet just before, for a caller who has asked
    found: Snapshot | None = None
    seconds: float = 0.0
    silences: bool = False

    def inflict(self, fleet: DrilledFleet) -> Attempts:
        """End the part as it is now. Raises Unhealthy, or FleetError when it does not run here."""
        snapshot = self.found or require_health(fleet)
        if self.name == HOST:
            return self.power_off(fleet, snapshot)
        return self._end(fleet, victim_of(self.name, snapshot, fleet.workers))

    def heal(self, fleet: DrilledFleet) -> None:
        """Leave it to the agent."""

    def _end(self, fleet: DrilledFleet, victim: ComponentStatus) -> Attempts:
        assert victim.pid is not None
        if victim.kind == "postgres":  # its children would outlive a SIGKILL, and keep its data to themselves
            self.tell(f"{victim.name} (process {victim.pid}) is ended at once")
            procfs.send(victim.pid, signal.SIGQUIT)
            return frozenset()
        self.tell(f"{victim.name} (process {victim.pid}) is killed")
        return _kill(fleet, victim.pid)

    def power_off(self, fleet: DrilledFleet, snapshot: Snapshot) -> Attempts:
        """Kill the agent and all components, and start the agent again."""
        self.tell(f"every process of this host is killed, and its agent (process {snapshot.pid}) with them")
        try:
            return _kill(fleet, snapshot.pid, *(one.pid for one in snapshot.components if one.pid))
        finally:  # no Ctrl-C may leave the host down
            self.start_again(fleet)

    def start_again(self, fleet: DrilledFleet) -> None:
        """Start the agent, unless its keeper was faster."""
        try:
            pid = launch.start(fleet.here.root, environ=fleet.environ)
        except AlreadyRuns:
            self.tell("the agent was started again by its keeper")
        else:
            self.tell(f"the agent is started again (process {pid})")


def _kill(fleet: DrilledFleet, *pids: int) -> Attempts:
    try:
        return killing.kill_all(pids, fleet.witness_folder)
    finally:  # Ctrl-C may come when they are stopped already, and not killed yet
        for pid in pids:
            procfs.send(pid, signal.SIGKILL)
