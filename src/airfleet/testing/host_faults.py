"""Faults of whole hosts, as values like those of :mod:`airfleet.testing.nemesis`."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import psycopg

from airfleet.testing import nemesis, processes
from airfleet.testing.far_link import FarLink
from airfleet.testing.hosts_target import HostsTarget
from airfleet.testing.nemesis import NOBODY, TOLD_SECONDS, Attempts
from airfleet.testing.targets import SCHEDULER
from airfleet.testing.waiting import wait_until

#: whether a client at an address holds the lock of the schedulers' critical section; nothing else of a fleet that runs
#: takes an advisory lock
_HOLDS_LOCK = """
SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND client_addr = %s::inet
)
"""
#: until a scheduler has been caught inside its critical section; a few milliseconds of each second are spent there
_CATCH_SECONDS = 120.0
#: until what a process had sent before it was stopped has been done
_SETTLED_SECONDS = 0.02


@dataclass(frozen=True)
class HostPowerOff:
    """Every process of a host ends at once, and nothing closes a connection, where hosts have networks of their own."""

    host: str
    #: until it boots
    seconds: float
    silences: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return f"power of {self.host} off for {self.seconds:g} s"

    def inflict(self, target: HostsTarget) -> Attempts:
        """The network first: nobody is told that sockets are closed."""
        if target.netns:
            target.fleet.cut(self.host)
        there = nemesis.stop_all(target.fleet.on(self.host).pids)  # nothing may begin while it is asked what runs
        hurt = nemesis.attempts_of(there, target.witness_folder) | nemesis.unheard(target.witness_folder)
        target.fleet.power_off(self.host)
        return hurt

    def heal(self, target: HostsTarget) -> None:
        """``airfleet up``, as the unit of a machine that boots does it."""
        if target.netns:
            target.fleet.mend(self.host)
        target.fleet.start_again(self.host)


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
        """What people call it."""
        return f"power of {self.host} off while its scheduler holds the lock"

    def inflict(self, target: HostsTarget) -> Attempts:
        """Raises AssertionError when the scheduler is never caught with the lock."""
        pid = target.fleet.on(self.host).component(SCHEDULER).pid
        assert pid is not None, f"no scheduler runs on {self.host}"
        address = f"{target.fleet.network.prefix}.{target.fleet.names.index(self.host) + 1}"
        with closing(psycopg.connect(target.database_url, autocommit=True)) as database:

            def holds_lock() -> bool:
                found = database.execute(_HOLDS_LOCK, (address,)).fetchone()
                return found is not None and bool(found[0])

            stop_while(holds_lock, processes.tree(pid))
        return HostPowerOff(self.host, self.seconds).inflict(target)

    def heal(self, target: HostsTarget) -> None:
        """It boots."""
        HostPowerOff(self.host, self.seconds).heal(target)


def stop_while(condition: Callable[[], bool], pids: Sequence[int]) -> None:
    """Stop processes when something is so that only they can change. Raises AssertionError when it never is."""

    def caught() -> bool:
        if not condition():
            return False
        for pid in pids:
            processes.send(pid, signal.SIGSTOP)
        time.sleep(_SETTLED_SECONDS)
        if condition():
            return True
        for pid in pids:
            processes.send(pid, signal.SIGCONT)
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
        """What people call it."""
        return f"agent of {self.host} killed"

    def inflict(self, target: HostsTarget) -> Attempts:
        """Nobody may suffer."""
        os.kill(target.fleet.on(self.host).snapshot().pid, signal.SIGKILL)
        return NOBODY

    def heal(self, target: HostsTarget) -> None:
        """``airfleet up``."""
        target.fleet.start_again(self.host)


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
        """What people call it."""
        return f"{self.host} cut off for {self.seconds:g} s"

    def inflict(self, target: HostsTarget) -> Attempts:
        """Its link goes down."""
        target.fleet.cut(self.host)
        return target.attempts_on(self.host) if self.replaced else NOBODY

    def heal(self, target: HostsTarget) -> None:
        """Its link is up again."""
        target.fleet.mend(self.host)


@dataclass(frozen=True)
class HostFarAway:
    """Every packet from or to a host takes its time, and some get lost."""

    host: str
    seconds: float
    #: one way
    delay_seconds: float = 0.1
    lost: float = 0.05
    silences: bool = False
    _links: list[FarLink] = field(default_factory=list, compare=False, repr=False)

    @property
    def name(self) -> str:
        """What people call it."""
        round_trip = 2000 * self.delay_seconds
        return f"{self.host} {round_trip:g} ms away, {self.lost:.0%} lost, for {self.seconds:g} s"

    def inflict(self, target: HostsTarget) -> Attempts:
        """Nobody may suffer."""
        number = target.fleet.names.index(self.host) + 1
        link = FarLink(target.fleet.network, number, self.delay_seconds, self.lost, random.Random(self.name))
        link.begin()
        self._links.append(link)
        return NOBODY

    def heal(self, target: HostsTarget) -> None:
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
        """What people call it."""
        return f"clock of {self.host} {self.ahead_seconds} s ahead, then as much behind, {self.seconds:g} s each"

    def inflict(self, target: HostsTarget) -> Attempts:
        """Nobody may suffer. Raises AssertionError when it is not told in time that a clock is wrong."""
        target.clocks.set(self.host, self.ahead_seconds)
        wait_until(lambda: target.is_told(self.host, "clock"), TOLD_SECONDS, "it is told that the clock is wrong")
        time.sleep(self.seconds)
        target.clocks.set(self.host, -self.ahead_seconds)
        return NOBODY

    def heal(self, target: HostsTarget) -> None:
        """As whoever watches over the clocks would."""
        target.clocks.set(self.host, 0)


@dataclass(frozen=True)
class EachHostAnew:
    """One host after the other is stopped as for an upgrade, and started again; the one with the servers comes last."""

    name: str = "each host stopped and started again"
    seconds: float = 0.0
    silences: bool = True

    def inflict(self, target: HostsTarget) -> Attempts:
        """What runs is waited for, so nobody suffers."""
        for host in reversed(target.fleet.names):
            target.fleet.on(host).stop()
            target.fleet.start_again(host)
        return NOBODY

    def heal(self, target: HostsTarget) -> None:
        """Nothing to do."""
