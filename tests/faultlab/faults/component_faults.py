"""Faults of single components: killed, or stopped by SIGSTOP."""

from __future__ import annotations

import re
import signal
import time
from dataclasses import dataclass, field

from airfleet.drill.killing import Attempts, attempts_of, just_ended, kill_all, running, stop_all
from airfleet.drill.waiting import wait_until
from airfleet.system.procfs import arguments, send, tree
from faultlab.faults.fault import FIND_SECONDS, NOBODY, first_pid
from faultlab.systems.system import System
from faultlab.systems.topology import API_SERVER, WORKER

#: the title by which Airflow names the monitor of an attempt; a long id may be cut off
_MONITOR = re.compile(r"airflow supervisor: ([0-9a-f-]{30,36})")
#: an attempt that has run so long is none of the short ones
SHORT_SECONDS = 4.0


@dataclass(frozen=True)
class Kill:
    """One component is ended by SIGKILL, and with it all that it started."""

    kind: str
    seconds: float = 0.0
    #: whether there is no other of its kind
    alone: bool = True
    #: the host that it runs on; None is any
    host: str | None = None

    @property
    def name(self) -> str:
        """Give the name in tables."""
        if self.host is not None:
            return f"{self.kind} of {self.host} killed"
        return f"{self.kind} killed" if self.alone else f"one of several {self.kind}s killed"

    @property
    def silences(self) -> bool:
        """Tell whether it was the only api-server."""
        return self.kind == API_SERVER and self.alone and self.host is None

    def inflict(self, system: System) -> Attempts:
        """End it with all that it started."""
        hurt = kill_all((first_pid(system, self.kind, self.host),), system.witness_folder)
        return hurt | just_ended(system.witness_folder) if self.kind == WORKER else hurt

    def heal(self, system: System) -> None:
        """Leave the restart to its supervisor."""


@dataclass(frozen=True)
class KillProxyAndFlower:
    """nginx and Flower are ended by SIGKILL; people need them, and no task does."""

    name: str = "nginx and Flower killed"
    seconds: float = 0.0
    silences: bool = False

    def inflict(self, system: System) -> Attempts:
        """End both at once; no attempt may suffer."""
        kill_all([first_pid(system, kind) for kind in ("nginx", "flower")], system.witness_folder)
        return NOBODY

    def heal(self, system: System) -> None:
        """Leave the restart to their supervisor."""


@dataclass(frozen=True)
class KillMonitor:
    """The process of one slot, which watches one attempt, is ended by SIGKILL; the attempt is not."""

    name: str = "monitor of an attempt killed"
    seconds: float = 0.0
    silences: bool = False

    def inflict(self, system: System) -> Attempts:
        """End the monitor of the youngest attempt that has run too long to be a short one."""

        def found() -> tuple[int, str] | None:
            # A slot keeps the name of its last attempt: what tasks write down says which of them still run.
            named = ((pid, _MONITOR.match(arguments(pid))) for pid in tree(first_pid(system, WORKER)))
            there = [(pid, match[1]) for pid, match in named if match]
            # One that began first may end before its monitor is gone: nothing would be lost.
            attempts = [n.attempt for n in running(system.witness_folder) if time.monotonic() - n.at > SHORT_SECONDS]
            return next(((pid, one) for one in reversed(attempts) for pid, name in there if one.startswith(name)), None)

        pid, attempt = wait_until(found, FIND_SECONDS, "an attempt runs") or (0, "")
        send(pid, signal.SIGKILL)
        return frozenset({attempt})

    def heal(self, system: System) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Pause:
    """One component and all that it started are stopped by SIGSTOP, as on a machine that swaps."""

    kind: str
    seconds: float
    _stopped: list[int] = field(default_factory=list, compare=False, repr=False)

    @property
    def name(self) -> str:
        """Give the name in tables."""
        return f"{self.kind} stands still for {self.seconds:g} s"

    @property
    def silences(self) -> bool:
        """Tell whether it is an api-server."""
        return self.kind == API_SERVER

    def inflict(self, system: System) -> Attempts:
        """Send SIGSTOP."""
        root = first_pid(system, self.kind)
        self._stopped[:] = stop_all(lambda: tree(root))
        hurt = attempts_of(self._stopped, system.witness_folder)
        return hurt | just_ended(system.witness_folder) if self.kind == WORKER else hurt

    def heal(self, system: System) -> None:
        """Send SIGCONT."""
        for pid in self._stopped:
            send(pid, signal.SIGCONT)
        self._stopped.clear()
