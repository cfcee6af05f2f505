"""Faults as values: what is broken, for how long, and how it is made whole again.

``inflict`` breaks it and says whose attempts may suffer; ``heal`` ends what does not end by itself. Both touch only
processes of the target they are given. :func:`schedule` makes a random sequence of faults from a seed, always the same
one from the same seed.
"""

from __future__ import annotations

import errno
import os
import random
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeAlias, TypeVar

from airfleet.drill.killing import Attempts, attempts_of, kill_all, running, stop_all, unheard
from airfleet.drill.waiting import wait_until
from airfleet.system.procfs import arguments, send, tree
from airfleet.testing.servers import POSTGRES_SERVER
from faultlab.replicated_postgres import ReplicatedServers
from faultlab.small_disk import fill, make_room
from faultlab.systems import API_SERVER, SCHEDULER, WORKER, FleetTarget, Target

#: how Airflow calls the process that watches an attempt; there may not be room for all of the id
_MONITOR = re.compile(r"airflow supervisor: ([0-9a-f-]{30,36})")
#: until something is there that can be broken
_FIND_SECONDS = 60.0

#: what has run so long will run for some time
SHORT_SECONDS = 4.0

#: until a person can see that a disk is full, at the latest
TOLD_SECONDS = 10.0
#: the same of a disk that only the database sees: it goes on for a while with the room that it has taken already
_ROOM_SECONDS = 60.0
#: what the system calls it
_NO_ROOM = os.strerror(errno.ENOSPC)

NOBODY: Attempts = frozenset()
#: what can be broken
T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Fault(Protocol[T_contra]):
    """Something that breaks."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def seconds(self) -> float:
        """From ``inflict`` to ``heal``."""

    @property
    def silences(self) -> bool:
        """Whether nothing is left meanwhile that could answer for the API."""

    def inflict(self, target: T_contra) -> Attempts:
        """Break it; the attempts that may suffer."""

    def heal(self, target: T_contra) -> None:
        """Make it whole, where it does not come back by itself."""


@dataclass(frozen=True)
class Kill:
    """One component is ended by SIGKILL, and with it all that it started."""

    kind: str
    seconds: float = 0.0
    #: whether there is no other of its kind
    alone: bool = True

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.kind} killed" if self.alone else f"one of several {self.kind}s killed"

    @property
    def silences(self) -> bool:
        """Whether it was what answers for the API."""
        return self.kind == API_SERVER and self.alone

    def inflict(self, target: Target) -> Attempts:
        """With all that it started."""
        hurt = kill_all((_first(target, self.kind),), target.witness_folder)
        return hurt | unheard(target.witness_folder) if self.kind == WORKER else hurt

    def heal(self, target: Target) -> None:
        """It is started again by what keeps it."""


@dataclass(frozen=True)
class KillWhatStandsInFront:
    """nginx and Flower are ended by SIGKILL: what people look through, and no task needs."""

    name: str = "nginx and Flower killed"
    seconds: float = 0.0
    silences: bool = False

    def inflict(self, target: Target) -> Attempts:
        """Both at once; no attempt may suffer."""
        kill_all([_first(target, kind) for kind in ("nginx", "flower")], target.witness_folder)
        return NOBODY

    def heal(self, target: Target) -> None:
        """They are started again by what keeps them."""


@dataclass(frozen=True)
class KillMonitor:
    """The process of one slot, which watches one attempt, is ended by SIGKILL; the attempt is not."""

    name: str = "monitor of an attempt killed"
    seconds: float = 0.0
    silences: bool = False

    def inflict(self, target: Target) -> Attempts:
        """The one whose attempt began last, of those that have run too long to be one of the short ones."""

        def found() -> tuple[int, str] | None:
            # A slot keeps the name of its last attempt: what tasks write down says which of them still run.
            named = ((pid, _MONITOR.match(arguments(pid))) for pid in tree(_first(target, WORKER)))
            there = [(pid, match[1]) for pid, match in named if match]
            # One that began first may end before its monitor is gone: nothing would be lost.
            attempts = [n.attempt for n in running(target.witness_folder) if time.monotonic() - n.at > SHORT_SECONDS]
            return next(((pid, one) for one in reversed(attempts) for pid, name in there if one.startswith(name)), None)

        pid, attempt = wait_until(found, _FIND_SECONDS, "an attempt runs") or (0, "")
        send(pid, signal.SIGKILL)
        return frozenset({attempt})

    def heal(self, target: Target) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class Pause:
    """One component and all that it started are stopped in the middle of what they do, as a machine that swaps does."""

    kind: str
    seconds: float
    _stopped: list[int] = field(default_factory=list, compare=False, repr=False)

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.kind} stands still for {self.seconds:g} s"

    @property
    def silences(self) -> bool:
        """Whether it is what answers for the API."""
        return self.kind == API_SERVER

    def inflict(self, target: Target) -> Attempts:
        """SIGSTOP."""
        root = _first(target, self.kind)
        self._stopped[:] = stop_all(lambda: tree(root))
        hurt = attempts_of(self._stopped, target.witness_folder)
        return hurt | unheard(target.witness_folder) if self.kind == WORKER else hurt

    def heal(self, target: Target) -> None:
        """SIGCONT."""
        for pid in self._stopped:
            send(pid, signal.SIGCONT)
        self._stopped.clear()


@dataclass(frozen=True)
class DatabaseAway:
    """PostgreSQL ends at once and finishes nothing: connections break, new ones are refused."""

    seconds: float = 0.0
    silences: bool = True

    @property
    def name(self) -> str:
        """What people call it."""
        return f"database away for {self.seconds:g} s" if self.seconds else "database started anew"

    def inflict(self, target: Target) -> Attempts:
        """Its immediate shutdown."""
        target.servers.crash(POSTGRES_SERVER)
        return NOBODY

    def heal(self, target: Target) -> None:
        """Start it."""
        target.servers.start_again(POSTGRES_SERVER)


@dataclass(frozen=True)
class PrimaryLost:
    """The host of the primary vanishes without closing a connection; its standby is promoted after a moment."""

    name: str = "host of the database's primary gone, standby promoted"
    #: until somebody promotes
    seconds: float = 3.0
    silences: bool = True

    def inflict(self, target: Target) -> Attempts:
        """Its link is cut, and its power goes off."""
        servers = _replicated(target)
        if not servers.has_standby:
            servers.add_standby()
        servers.lose_primary()
        return NOBODY

    def heal(self, target: Target) -> None:
        """As whoever watches over the two would."""
        _replicated(target).promote()


@dataclass(frozen=True)
class BrokerAway:
    """The broker is gone: connections break, new ones are refused. Its data are as they were."""

    seconds: float = 0.0
    silences: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return f"broker away for {self.seconds:g} s" if self.seconds else "broker started anew"

    def inflict(self, target: Target) -> Attempts:
        """SIGKILL."""
        target.broker.kill()
        return NOBODY

    def heal(self, target: Target) -> None:
        """Start it."""
        target.broker.start()


@dataclass(frozen=True)
class BrokerHangs:
    """The broker keeps its connections and answers nothing."""

    seconds: float
    silences: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return f"broker hangs for {self.seconds:g} s"

    def inflict(self, target: Target) -> Attempts:
        """SIGSTOP."""
        target.broker.freeze()
        return NOBODY

    def heal(self, target: Target) -> None:
        """SIGCONT."""
        target.broker.thaw()


@dataclass(frozen=True)
class BrokerWiped:
    """The broker is gone and comes back with nothing of what it held."""

    name: str = "broker's data wiped"
    seconds: float = 0.0
    silences: bool = False

    def inflict(self, target: Target) -> Attempts:
        """End it."""
        target.broker.kill()
        return NOBODY

    def heal(self, target: Target) -> None:
        """Start it without its files."""
        target.broker.wipe()


@dataclass(frozen=True)
class DiskFull:
    """The disk on which a fleet keeps its logs is full."""

    seconds: float
    silences: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return f"disk of logs full for {self.seconds:g} s"

    def inflict(self, target: FleetTarget) -> Attempts:
        """Fill it up. Raises AssertionError when that is not told in time; no attempt may suffer."""
        fill(target.home)
        wait_until(lambda: target.is_told("disk"), TOLD_SECONDS, "it is told that the disk is full")
        return NOBODY

    def heal(self, target: FleetTarget) -> None:
        """Make room."""
        make_room(target.home)


@dataclass(frozen=True)
class DatabaseDiskFull:
    """The disk on which PostgreSQL keeps its data is full: it answers what needs no room, or gives up altogether."""

    seconds: float
    silences: bool = True

    @property
    def name(self) -> str:
        """What people call it."""
        return f"disk of the database full for {self.seconds:g} s"

    def inflict(self, target: Target) -> Attempts:
        """Fill it up. Raises AssertionError when a fleet does not tell that in time; no attempt may suffer."""
        disk = target.servers.postgres_data
        fill(disk)
        if isinstance(target, FleetTarget):

            def told() -> bool:
                fill(disk)  # what the server has given back meanwhile, as it does with old segments of its log
                return target.says(_NO_ROOM)

            wait_until(told, _ROOM_SECONDS, "it is told that the database's disk is full")
        return NOBODY

    def heal(self, target: Target) -> None:
        """Make room; if it has given up it is started, as whatever keeps it would."""
        make_room(target.servers.postgres_data)
        target.servers.revive(POSTGRES_SERVER)


@dataclass(frozen=True)
class ExecutionApiAway:
    """Tasks and workers cannot reach any api-server; the servers themselves are well."""

    seconds: float
    silences: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return f"execution API away for {self.seconds:g} s"

    def inflict(self, target: Target) -> Attempts:
        """Shut the gate."""
        target.gate.refuse()
        return NOBODY

    def heal(self, target: Target) -> None:
        """Open it."""
        target.gate.open()


@dataclass(frozen=True)
class KillBeforePublishing:
    """A scheduler dies that has committed tasks as queued and has not sent them: the broker was away at the moment."""

    name: str = "scheduler killed between commit and publish"
    #: how long the broker is away before, so that tasks are queued meanwhile
    seconds: float = 3.0
    silences: bool = False

    def inflict(self, target: Target) -> Attempts:
        """The broker goes first."""
        target.broker.kill()
        return NOBODY

    def heal(self, target: Target) -> None:
        """Every scheduler dies, whichever of them queued what, and the broker is back."""
        kill_all(target.pids(SCHEDULER), target.witness_folder)
        target.broker.start()


@dataclass(frozen=True)
class Waiting:
    """Nothing breaks; tasks wait in the queue for so long."""

    seconds: float
    silences: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return f"tasks wait {self.seconds:g} s in the queue"

    def inflict(self, target: Target) -> Attempts:
        """Nothing to do."""
        return NOBODY

    def heal(self, target: Target) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class PowerOff:
    """Everything on the machine is ended at once, servers too, and started again."""

    name: str = "power failure of the whole machine"
    seconds: float = 2.0
    silences: bool = True

    def inflict(self, target: Target) -> Attempts:
        """Servers last: until they are gone, nothing that is ended before can be told from one that ended well."""
        there = stop_all(target.processes)  # nothing may begin while it is asked what runs
        hurt = attempts_of(there, target.witness_folder) | unheard(target.witness_folder)
        target.power_off()
        target.broker.kill()
        target.servers.crash(POSTGRES_SERVER)
        return hurt

    def heal(self, target: Target) -> None:
        """As a machine that boots."""
        target.servers.start_again(POSTGRES_SERVER)
        target.broker.start()
        target.power_on()


@dataclass(frozen=True)
class Step(Generic[T]):
    """One fault of a schedule: so many seconds of quiet, then the fault."""

    fault: Fault[T]
    after_seconds: float


#: what a schedule is drawn from, when things are away for so many seconds
Choices: TypeAlias = Callable[[float], tuple[Fault[T], ...]]


def of_one_host(seconds: float) -> tuple[Fault[Target], ...]:
    """Faults of the parts of one host, of its servers and of the way to its API."""
    return (
        Kill(SCHEDULER),
        Kill(WORKER),
        Kill(API_SERVER),
        Kill("dag-processor"),
        Kill("triggerer"),
        KillMonitor(),
        KillBeforePublishing(),
        Pause(SCHEDULER, seconds),
        BrokerAway(seconds),
        BrokerAway(),
        BrokerHangs(seconds),
        BrokerWiped(),
        DatabaseAway(seconds),
        DatabaseAway(),
        ExecutionApiAway(seconds),
    )


def schedule(
    choices: Choices[T], seed: int, count: int, quiet_seconds: tuple[float, float], longest_seconds: float
) -> tuple[Step[T], ...]:
    """``count`` faults with pauses between; the same for the same arguments, whatever else is drawn."""
    chance = random.Random(seed)
    steps = []
    for _ in range(count):
        fault = chance.choice(choices(round(chance.uniform(1.0, longest_seconds), 1)))
        steps.append(Step(fault, round(chance.uniform(*quiet_seconds), 2)))
    return tuple(steps)


def _replicated(target: Target) -> ReplicatedServers:
    assert isinstance(target.servers, ReplicatedServers), "the database has no standby"
    return target.servers


def _first(target: Target, kind: str) -> int:
    found = wait_until(lambda: target.pids(kind), _FIND_SECONDS, f"a {kind} runs")
    return found[0]
