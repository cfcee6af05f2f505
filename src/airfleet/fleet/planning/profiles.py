"""Profiles: settings of servers and components for the size of a machine.

``small`` is for machines with up to 1 GB of memory: each setting gives up speed that such a machine does not have, or
room for more tasks at a time than it can run. Nothing that keeps data safe differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from airfleet.fleet.config.spec import Profile
from airfleet.yaml.sizes import size_text

#: bytes of memory up to which a machine is small, unless fleet.yaml says otherwise; a machine of 1 GB tells less
SMALL_BYTES: Final = 2**30


@dataclass(frozen=True)
class Sizing:
    """The settings of one profile."""

    profile: Profile
    #: settings of the embedded PostgreSQL that differ from its usual ones
    postgres: Mapping[str, str] = field(default_factory=dict)
    #: settings of the embedded Valkey, likewise
    valkey: Mapping[str, str] = field(default_factory=dict)
    #: settings of Airflow: section -> option -> value
    airflow: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: files of Dags that each worker keeps loaded; None is as many as usual
    dag_zygotes: int | None = None
    #: whether an only api-server, too, has the application that the zygote builds: it starts in a second then, and each
    #: page that it writes to is copied; so it has wherever the zygote's objects are immortal, with hardly a copy
    shares_api: bool = True
    #: seconds without work, after which a component sleeps
    sleep_after_seconds: float = 300.0
    #: whether triggerers sleep until something is deferred for the first time; else a broken one is seen at the start
    triggerer_starts_asleep: bool = False
    #: seconds without a request, after which Flower sleeps, where it may
    flower_after_seconds: float = 600.0
    #: whether Flower may sleep unless fleet.yaml says otherwise: it forgets the tasks that it has seen
    flower_sleeps: bool = False


STANDARD: Final = Sizing("standard")
SMALL: Final = Sizing(
    "small",
    postgres={
        "max_connections": "40",
        "shared_buffers": "4MB",
        "work_mem": "1MB",
        "maintenance_work_mem": "8MB",
        "wal_buffers": "256kB",
        "min_wal_size": "32MB",
        "max_wal_size": "64MB",
        "max_locks_per_transaction": "32",
        "max_pred_locks_per_transaction": "32",
    },
    valkey={
        # Above this a message is refused and sent again later; the kernel would end a process instead.
        "maxmemory": "32mb",
        # The log is written anew by a copy of the process, whose pages count twice: early, while it is small.
        "auto-aof-rewrite-min-size": "4mb",
    },
    airflow={
        "dag_processor": {"parsing_processes": "1"},
        "database": {"sql_alchemy_pool_size": "1", "sql_alchemy_max_overflow": "4"},
    },
    dag_zygotes=1,
    shares_api=False,
    sleep_after_seconds=1.0,
    triggerer_starts_asleep=True,
    flower_after_seconds=60.0,
    flower_sleeps=True,
)
_SIZINGS: Final[Mapping[Profile, Sizing]] = {"small": SMALL, "standard": STANDARD}


@dataclass(frozen=True)
class ChosenProfile:
    """The profile of one host, and the reason, for people."""

    sizing: Sizing
    why: str
    #: whether a person, or a machine that is not like most, has chosen it
    is_worth_saying: bool = True

    def __str__(self) -> str:
        return f"{self.sizing.profile} ({self.why})"


def choose(wanted: Profile | None, memory_bytes: int | None) -> ChosenProfile:
    """Choose the profile of a host: the one of fleet.yaml, else by its memory; None is memory that is not known.

    >>> print(choose(None, 450 * 2**20), choose(None, 2**33), choose("small", None), choose(None, None), sep="; ")
    small (450MB of memory); standard (8GB of memory); small (fleet.yaml); standard (memory not known)
    """
    if wanted is not None:
        return ChosenProfile(_SIZINGS[wanted], "fleet.yaml")
    if memory_bytes is None:
        return ChosenProfile(STANDARD, "memory not known", is_worth_saying=False)
    mebibytes = memory_bytes // 2**20 * 2**20
    is_small = memory_bytes <= SMALL_BYTES
    return ChosenProfile(SMALL if is_small else STANDARD, f"{size_text(mebibytes)} of memory", is_small)
