"""Faults of the servers and disks around Airflow: database, broker, the way to the API."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from airfleet.drill.killing import Attempts, attempts_of, just_ended, kill_all, stop_all
from airfleet.drill.waiting import wait_until
from airfleet.testing.servers import POSTGRES_SERVER
from faultlab.faults.fault import NOBODY, fleet_of, wait_until_degraded
from faultlab.injectors.small_disk import fill, make_room
from faultlab.servers.replicated_postgres import ReplicatedServers
from faultlab.systems.fleet_system import FleetSystem
from faultlab.systems.system import System
from faultlab.systems.topology import SCHEDULER

#: from a full disk of the database until its agent says so: the server goes on for a while in the room that it has
_ROOM_SECONDS = 60.0
#: the words of the operating system for a full disk
_NO_ROOM = os.strerror(errno.ENOSPC)


@dataclass(frozen=True)
class DatabaseAway:
    """PostgreSQL ends at once and finishes nothing: connections break, new ones are refused."""

    seconds: float = 0.0
    silences: bool = True

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"database away for {self.seconds:g} s" if self.seconds else "database started anew"

    def inflict(self, system: System) -> Attempts:
        """Send the signal of its immediate shutdown."""
        system.servers.crash(POSTGRES_SERVER)
        return NOBODY

    def heal(self, system: System) -> None:
        """Start it."""
        system.servers.start_again(POSTGRES_SERVER)


@dataclass(frozen=True)
class PrimaryLost:
    """The host of the primary vanishes without closing a connection; its standby is promoted after a moment."""

    name: str = "host of the database's primary gone, standby promoted"
    #: until somebody promotes
    seconds: float = 3.0
    silences: bool = True

    def inflict(self, system: System) -> Attempts:
        """Cut its link, and power it off."""
        servers = _replicated(system)
        if not servers.has_standby:
            servers.add_standby()
        servers.lose_primary()
        return NOBODY

    def heal(self, system: System) -> None:
        """Promote the standby."""
        _replicated(system).promote()


@dataclass(frozen=True)
class BrokerAway:
    """The broker is gone: connections break, new ones are refused. Its data are as they were."""

    seconds: float = 0.0
    silences: bool = False

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"broker away for {self.seconds:g} s" if self.seconds else "broker started anew"

    def inflict(self, system: System) -> Attempts:
        """Send SIGKILL."""
        system.broker.kill()
        return NOBODY

    def heal(self, system: System) -> None:
        """Start it."""
        system.broker.start()


@dataclass(frozen=True)
class BrokerHangs:
    """The broker keeps its connections and answers nothing."""

    seconds: float
    silences: bool = False

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"broker hangs for {self.seconds:g} s"

    def inflict(self, system: System) -> Attempts:
        """Send SIGSTOP."""
        system.broker.freeze()
        return NOBODY

    def heal(self, system: System) -> None:
        """Send SIGCONT."""
        system.broker.thaw()


@dataclass(frozen=True)
class BrokerWiped:
    """The broker is gone and comes back with nothing of what it held."""

    name: str = "broker's data wiped"
    seconds: float = 0.0
    silences: bool = False

    def inflict(self, system: System) -> Attempts:
        """End it."""
        system.broker.kill()
        return NOBODY

    def heal(self, system: System) -> None:
        """Start it without its files."""
        system.broker.wipe()


@dataclass(frozen=True)
class DiskFull:
    """The disk on which a fleet keeps its logs is full."""

    seconds: float
    silences: bool = False

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"disk of logs full for {self.seconds:g} s"

    def inflict(self, system: System) -> Attempts:
        """Fill it up. Raises AssertionError when that is not told in time; no attempt may suffer."""
        fill(fleet_of(system).home)
        wait_until_degraded(system, "disk")
        return NOBODY

    def heal(self, system: System) -> None:
        """Make room."""
        make_room(fleet_of(system).home)


@dataclass(frozen=True)
class DatabaseDiskFull:
    """The disk on which PostgreSQL keeps its data is full: it answers what needs no room, or gives up altogether."""

    seconds: float
    silences: bool = True

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"disk of the database full for {self.seconds:g} s"

    def inflict(self, system: System) -> Attempts:
        """Fill it up. Raises AssertionError when a fleet does not tell that in time; no attempt may suffer."""
        disk = system.servers.postgres_data
        fill(disk)
        if isinstance(system, FleetSystem):

            def told() -> bool:
                fill(disk)  # what the server has given back meanwhile, as it does with old segments of its log
                return system.reports(_NO_ROOM)

            wait_until(told, _ROOM_SECONDS, "it is told that the database's disk is full")
        return NOBODY

    def heal(self, system: System) -> None:
        """Make room; if it has given up it is started, as whatever keeps it would."""
        make_room(system.servers.postgres_data)
        system.servers.revive(POSTGRES_SERVER)


@dataclass(frozen=True)
class ExecutionApiAway:
    """Tasks and workers cannot reach any api-server; the servers themselves are well."""

    seconds: float
    silences: bool = False

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"execution API away for {self.seconds:g} s"

    def inflict(self, system: System) -> Attempts:
        """Shut the gate."""
        system.gate.refuse()
        return NOBODY

    def heal(self, system: System) -> None:
        """Open it."""
        system.gate.open()


@dataclass(frozen=True)
class KillBeforePublishing:
    """A scheduler dies that has committed tasks as queued and has not sent them: the broker was away at the moment."""

    name: str = "scheduler killed between commit and publish"
    #: how long the broker is away before, so that tasks are queued meanwhile
    seconds: float = 3.0
    silences: bool = False

    def inflict(self, system: System) -> Attempts:
        """End the broker first."""
        system.broker.kill()
        return NOBODY

    def heal(self, system: System) -> None:
        """Kill every scheduler, whichever queued the tasks, and start the broker."""
        kill_all(system.pids(SCHEDULER), system.witness_folder)
        system.broker.start()


@dataclass(frozen=True)
class Waiting:
    """Nothing breaks; tasks wait in the queue for so long."""

    seconds: float
    silences: bool = False

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"tasks wait {self.seconds:g} s in the queue"

    def inflict(self, system: System) -> Attempts:
        """Do nothing."""
        return NOBODY

    def heal(self, system: System) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class PowerOff:
    """Everything on the machine is ended at once, servers too, and started again."""

    name: str = "power failure of the whole machine"
    seconds: float = 2.0
    silences: bool = True

    def inflict(self, system: System) -> Attempts:
        """Servers last: until they are gone, nothing that is ended before can be told from one that ended well."""
        there = stop_all(system.processes)  # nothing may begin while it is asked what runs
        hurt = attempts_of(there, system.witness_folder) | just_ended(system.witness_folder)
        for host in system.names:
            system.power_off(host)
        system.broker.kill()
        system.servers.crash(POSTGRES_SERVER)
        return hurt

    def heal(self, system: System) -> None:
        """Boot: servers first."""
        system.servers.start_again(POSTGRES_SERVER)
        system.broker.start()
        for host in system.names:
            system.power_on(host)


def _replicated(system: System) -> ReplicatedServers:
    assert isinstance(system.servers, ReplicatedServers), "the database has no standby"
    return system.servers
