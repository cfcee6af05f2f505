"""Faults of whole hosts: without power, without an agent, cut off, far away, with a wrong clock, upgraded."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import psycopg

from airfleet.drill import killing
from airfleet.drill.killing import Attempts
from airfleet.drill.waiting import wait_until
from airfleet.system import procfs
from faultlab.faults.fault import NOBODY, first_pid, fleet_of, wait_until_degraded
from faultlab.injectors.latency_link import LatencyLink
from faultlab.systems.system import WELL_SECONDS, System
from faultlab.systems.topology import SCHEDULER

#: whether a client at an address holds the lock of the schedulers' critical section; nothing else of an Airflow that
#: runs takes an advisory lock
_HOLDS_LOCK = """
SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND client_addr = %s::inet
)
"""
#: until a scheduler has been caught inside its critical section; a few milliseconds of each second are spent there
_CATCH_SECONDS = 120.0
#: until what a process had sent before it was stopped has been done, and its host has confirmed the answer, which takes
#: the kernel up to 0.2 s; one that is not confirmed is repeated, and ends the session as soon as the host has booted
_SETTLED_SECONDS = 0.25


@dataclass(frozen=True)
class HostPowerOff:
    """Every process of a host ends at once, and nothing closes a connection, where hosts have networks of their own."""

    host: str
    #: until it boots
    seconds: float
    silences: bool = False

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"power of {self.host} off for {self.seconds:g} s"

    def inflict(self, system: System) -> Attempts:
        """Cut the network first, so that no socket closes for the others."""
        if system.netns:
            system.vanish(self.host)
        # Nothing may begin while it is asked what runs.
        there = killing.stop_all(lambda: system.processes_on(self.host))
        hurt = killing.attempts_of(there, system.witness_folder) | killing.just_ended(system.witness_folder)
        system.power_off(self.host)
        return hurt

    def heal(self, system: System) -> None:
        """Mend the network and boot."""
        if system.netns:
            system.mend(self.host)
        system.power_on(self.host)


@dataclass(frozen=True)
class PowerOffHoldingLock:
    """The power of a host goes off while its scheduler holds the lock without which no other can queue a task.

    Hosts need networks of their own: it must not be told to the database.
    """

    host: str
    #: until it boots
    seconds: float
    silences: bool = False

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"power of {self.host} off while its scheduler holds the lock"

    def inflict(self, system: System) -> Attempts:
        """Raises AssertionError when the scheduler is never caught with the lock."""
        pid, address = first_pid(system, SCHEDULER, self.host), system.address(self.host)
        with closing(psycopg.connect(system.database_url, autocommit=True)) as database:

            def holds_lock() -> bool:
                found = database.execute(_HOLDS_LOCK, (address,)).fetchone()
                return found is not None and bool(found[0])

            stop_while(holds_lock, procfs.tree(pid))
        return HostPowerOff(self.host, self.seconds).inflict(system)

    def heal(self, system: System) -> None:
        """Boot the host."""
        HostPowerOff(self.host, self.seconds).heal(system)


def stop_while(condition: Callable[[], bool], pids: Sequence[int]) -> None:
    """Stop processes when something is so that only they can change. Raises AssertionError when it never is."""

    def caught() -> bool:
        if not condition():
            return False
        for pid in pids:
            procfs.send(pid, signal.SIGSTOP)
        time.sleep(_SETTLED_SECONDS)
        if condition():
            return True
        for pid in pids:
            procfs.send(pid, signal.SIGCONT)
        return False

    wait_until(caught, _CATCH_SECONDS, "they are stopped while it is so", pause_seconds=0.0)


@dataclass(frozen=True)
class AgentKilled:
    """The agent of a host is ended by SIGKILL and another one started, as a service manager does. Nothing else dies."""

    host: str
    #: until the next one is started
    seconds: float = 1.0
    silences: bool = False

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"agent of {self.host} killed"

    def inflict(self, system: System) -> Attempts:
        """Let no attempt suffer."""
        os.kill(fleet_of(system).fleet.on(self.host).snapshot().pid, signal.SIGKILL)
        return NOBODY

    def heal(self, system: System) -> None:
        """Run ``airfleet up``."""
        system.power_on(self.host)


@dataclass(frozen=True)
class HostCutOff:
    """Nothing gets through between a host and all others; it lives."""

    host: str
    seconds: float
    #: whether its attempts are to be replaced; else none of them may suffer
    replaced: bool = True
    silences: bool = False

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"{self.host} cut off for {self.seconds:g} s"

    def inflict(self, system: System) -> Attempts:
        """Cut its link."""
        system.cut(self.host)
        return system.attempts_on(self.host) if self.replaced else NOBODY

    def heal(self, system: System) -> None:
        """Mend its link."""
        system.mend(self.host)


@dataclass(frozen=True)
class HostFarAway:
    """Every packet from or to a host takes its time, and some get lost."""

    host: str
    seconds: float
    #: one way
    delay_seconds: float = 0.1
    lost: float = 0.05
    silences: bool = False
    _links: list[LatencyLink] = field(default_factory=list, compare=False, repr=False)

    @property
    def name(self) -> str:
        """Give the name in tables."""
        round_trip = 2000 * self.delay_seconds
        return f"{self.host} {round_trip:g} ms away, {self.lost:.0%} lost, for {self.seconds:g} s"

    def inflict(self, system: System) -> Attempts:
        """Let no attempt suffer."""
        chance = random.Random(self.name)
        link = LatencyLink(system.network, system.number(self.host), self.delay_seconds, self.lost, chance)
        link.begin()
        self._links.append(link)
        return NOBODY

    def heal(self, system: System) -> None:
        """Near again."""
        while self._links:
            self._links.pop().end()


@dataclass(frozen=True)
class ClockSetWrong:
    """The clock of a host is set ahead, then behind by as much, then right, while everything runs."""

    host: str
    #: on each side
    seconds: float
    ahead_seconds: int = 120
    silences: bool = False

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"clock of {self.host} {self.ahead_seconds} s ahead, then as much behind, {self.seconds:g} s each"

    def inflict(self, system: System) -> Attempts:
        """Let no attempt suffer. Raises AssertionError when a fleet does not tell in time that a clock is wrong."""
        system.clocks.set(self.host, self.ahead_seconds)
        wait_until_degraded(system, "clock", self.host)
        time.sleep(self.seconds)
        system.clocks.set(self.host, -self.ahead_seconds)
        return NOBODY

    def heal(self, system: System) -> None:
        """Set it right."""
        system.clocks.set(self.host, 0)


@dataclass(frozen=True)
class EachHostAnew:
    """One host after the other is stopped as for an upgrade, and started again; the first one comes last."""

    name: str = "each host stopped and started again"
    seconds: float = 0.0
    silences: bool = True

    def inflict(self, system: System) -> Attempts:
        """Stop and start each host; its tasks end before. Raises AssertionError when one does not come back."""
        for host in reversed(system.names):
            system.shut_down(host)
            system.power_on(host)
            wait_until(system.is_well, WELL_SECONDS, f"all is well with {host} started again")
        return NOBODY

    def heal(self, system: System) -> None:
        """Do nothing."""
