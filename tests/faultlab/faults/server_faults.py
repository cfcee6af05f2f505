"""Faults of the servers and disks around Airflow: database, broker, the way to the API."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
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
#: from the loss of the primary until its standby is promoted
_PROMOTION_SECONDS = 3.0


@dataclass(frozen=True)
class Outage:
    """Something beside Airflow is taken away and given back; no attempt may suffer."""

    name: str
    take: Callable[[System], None]
    give: Callable[[System], None]
    #: from one to the other
    seconds: float = 0.0
    #: whether no api-server can answer meanwhile
    silences: bool = False

    def inflict(self, system: System) -> Attempts:
        """Take it away."""
        self.take(system)
        return NOBODY

    def heal(self, system: System) -> None:
        """Give it back."""
        self.give(system)


# --- the database -----------------------------------------------------------------------------------


def database_away(seconds: float = 0.0) -> Outage:
    """End PostgreSQL at once by its immediate shutdown: connections break, new ones are refused."""
    name = f"database away for {seconds:g} s" if seconds else "database started anew"
    return Outage(name, _crash_database, _start_database, seconds, silences=True)


def primary_lost() -> Outage:
    """Let the host of the primary vanish without closing a connection; its standby is promoted after a moment."""
    name = "host of the database's primary gone, standby promoted"
    return Outage(name, _lose_primary, _promote_standby, _PROMOTION_SECONDS, silences=True)


def database_disk_full(seconds: float) -> Outage:
    """Fill the disk of PostgreSQL: it answers what needs no room, or gives up altogether.

    Raises AssertionError when the agent of a fleet does not report that in time.
    """
    name = f"disk of the database full for {seconds:g} s"
    return Outage(name, _fill_database_disk, _empty_database_disk, seconds, silences=True)


def _crash_database(system: System) -> None:
    system.servers.crash(POSTGRES_SERVER)


def _start_database(system: System) -> None:
    system.servers.start_again(POSTGRES_SERVER)


def _lose_primary(system: System) -> None:
    servers = _replicated(system)
    if not servers.has_standby:
        servers.add_standby()
    servers.lose_primary()


def _promote_standby(system: System) -> None:
    _replicated(system).promote()


def _replicated(system: System) -> ReplicatedServers:
    assert isinstance(system.servers, ReplicatedServers), "the database has no standby"
    return system.servers


def _fill_database_disk(system: System) -> None:
    disk = system.servers.postgres_data
    fill(disk)
    if isinstance(system, FleetSystem):

        def is_reported() -> bool:
            fill(disk)  # the server gives room back meanwhile, as it does with old segments of its log
            return system.reports(_NO_ROOM)

        wait_until(is_reported, _ROOM_SECONDS, "the agent reports that the database's disk is full")


def _empty_database_disk(system: System) -> None:
    make_room(system.servers.postgres_data)
    system.servers.revive(POSTGRES_SERVER)  # as its supervisor would, if it has given up


# --- the broker -------------------------------------------------------------------------------------


def broker_away(seconds: float = 0.0) -> Outage:
    """End the broker by SIGKILL: connections break, new ones are refused. Its data are as they were."""
    name = f"broker away for {seconds:g} s" if seconds else "broker started anew"
    return Outage(name, _kill_broker, _start_broker, seconds)


def broker_hangs(seconds: float) -> Outage:
    """Stop the broker by SIGSTOP: it keeps its connections and answers nothing."""
    return Outage(f"broker hangs for {seconds:g} s", _freeze_broker, _thaw_broker, seconds)


def broker_wiped() -> Outage:
    """End the broker, and start it without its data."""
    return Outage("broker's data wiped", _kill_broker, _wipe_broker)


def _kill_broker(system: System) -> None:
    system.broker.kill()


def _start_broker(system: System) -> None:
    system.broker.start()


def _freeze_broker(system: System) -> None:
    system.broker.freeze()


def _thaw_broker(system: System) -> None:
    system.broker.thaw()


def _wipe_broker(system: System) -> None:
    system.broker.wipe()


# --- the disk of logs, the way to the API, and nothing at all ---------------------------------------


def disk_full(seconds: float) -> Outage:
    """Fill the disk of a fleet's logs. Raises AssertionError when the agent does not report that in time."""
    return Outage(f"disk of logs full for {seconds:g} s", _fill_disk, _empty_disk, seconds)


def execution_api_away(seconds: float) -> Outage:
    """Shut the gate before the API: no task and no worker reaches an api-server, and the servers are well."""
    return Outage(f"execution API away for {seconds:g} s", _shut_gate, _open_gate, seconds)


def waiting(seconds: float) -> Outage:
    """Break nothing, and let tasks wait in the queue."""
    return Outage(f"tasks wait {seconds:g} s in the queue", _nothing, _nothing, seconds)


def _fill_disk(system: System) -> None:
    fill(fleet_of(system).home)
    wait_until_degraded(system, "disk")


def _empty_disk(system: System) -> None:
    make_room(fleet_of(system).home)


def _shut_gate(system: System) -> None:
    system.gate.refuse()


def _open_gate(system: System) -> None:
    system.gate.open()


def _nothing(system: System) -> None:
    pass


# --- several things at once -------------------------------------------------------------------------


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
