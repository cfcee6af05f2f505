"""A fault as a value: ``inflict`` breaks something and names the attempts that may suffer, ``heal`` repairs it.

Both touch only processes and servers of the system that they are given.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from airfleet.drill.killing import Attempts
from airfleet.drill.waiting import wait_until
from faultlab.systems.system import Target

NOBODY: Attempts = frozenset()
#: until something is there that can be broken
FIND_SECONDS = 60.0
#: until a person can see that something is wrong, at the latest
TOLD_SECONDS = 10.0
#: what can be broken
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


def first_pid(target: Target, kind: str) -> int:
    found = wait_until(lambda: target.pids(kind), FIND_SECONDS, f"a {kind} runs")
    return found[0]
