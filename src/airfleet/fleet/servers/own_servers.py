"""Servers that an agent runs itself: ``embedded`` is a wheel's program, ``system`` one of the machine.

::

    database: embedded                   PostgreSQL of the wheel
    database: system                     the machine's, 14 or newer
    database: system 16                  the machine's, of that major version
    database: system /opt/pgsql/bin      the one in that folder
    broker: system redis                 the machine's Redis; likewise valkey, or the path of a program
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from airfleet.errors import did_you_mean

EMBEDDED = "embedded"
SYSTEM = "system"

#: the oldest PostgreSQL, by its major version
OLDEST_POSTGRES = 14
#: the oldest Redis and Valkey; Valkey began with 7.2
OLDEST_BROKERS = {"redis": (6, 2), "valkey": (7, 2)}
_MAJOR = re.compile(r"[1-9][0-9]?")


class Origin(StrEnum):
    """The place that a server's program comes from."""

    WHEEL = "wheel"
    MACHINE = "machine"


@dataclass(frozen=True)
class ServerChoice:
    """A server that an agent runs, as ``fleet.yaml`` chooses it; without more than an origin, any that fits."""

    origin: Origin = Origin.WHEEL
    #: the major version of a PostgreSQL
    major: int | None = None
    #: ``redis`` or ``valkey``
    kind: str = ""
    #: the folder of PostgreSQL's programs, or the program of a broker
    place: Path | None = None

    def __str__(self) -> str:
        words = (SYSTEM, self.kind, str(self.major or ""), str(self.place or ""))
        return EMBEDDED if self.origin is Origin.WHEEL else " ".join(filter(None, words))


class WrongChoice(ValueError):
    """A text that names no server of a machine; ``hint`` may be None."""

    def __init__(self, sentence: str, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.hint = hint


@dataclass(frozen=True)
class ServerProgram:
    """The program of a server that an agent runs."""

    #: ``PostgreSQL``, ``Redis`` or ``Valkey``
    name: str
    version: tuple[int, ...]
    origin: Origin
    path: Path

    def __str__(self) -> str:
        version = ".".join(map(str, self.version))
        whose = "of the wheel" if self.origin is Origin.WHEEL else "of this machine"
        return f"{self.name} {version} {whose} ({self.path})"


def is_own(text: str) -> bool:
    """Tell whether a value of ``database`` or ``broker`` is a server that the agent runs.

    >>> is_own("embedded"), is_own("system 16"), is_own("redis://queue/0")
    (True, True, False)
    """
    return text == EMBEDDED or text.split(" ", 1)[0] == SYSTEM


def database(text: str) -> ServerChoice:
    """Read the choice of a PostgreSQL. Raises WrongChoice.

    >>> str(database("system 16")), str(database("embedded"))
    ('system 16', 'embedded')
    """
    which = _which(text)
    if which is None:
        return ServerChoice()
    if not which:
        return ServerChoice(Origin.MACHINE)
    if which.startswith("/"):
        return ServerChoice(Origin.MACHINE, place=Path(which))
    if not _MAJOR.fullmatch(which):
        raise WrongChoice(
            f"'{which}' after 'system' is no major version and no folder",
            "write 'system', 'system 16' or 'system /opt/pgsql/bin'",
        )
    if int(which) < OLDEST_POSTGRES:
        raise WrongChoice(f"PostgreSQL {which} is too old", f"airfleet needs PostgreSQL {OLDEST_POSTGRES} or newer")
    return ServerChoice(Origin.MACHINE, major=int(which))


def broker(text: str) -> ServerChoice:
    """Read the choice of a Redis or Valkey. Raises WrongChoice.

    >>> str(broker("system redis"))
    'system redis'
    """
    which = _which(text)
    if which is None:
        return ServerChoice()
    if which.startswith("/"):
        return ServerChoice(Origin.MACHINE, place=Path(which))
    if which and which not in OLDEST_BROKERS:
        raise WrongChoice(
            f"'{which}' after 'system' is neither 'redis' nor 'valkey', nor the path of a program",
            did_you_mean(which, list(OLDEST_BROKERS)) or "write 'system', 'system redis' or 'system valkey'",
        )
    return ServerChoice(Origin.MACHINE, kind=which)


def _which(text: str) -> str | None:
    """Return the words after ``system``; None for ``embedded``."""
    return None if text == EMBEDDED else text.removeprefix(SYSTEM).strip()
