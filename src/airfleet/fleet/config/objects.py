"""Connections, variables and pools that ``fleet.yaml`` gives to Airflow, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Connection:
    """One connection of Airflow. Its ``repr`` shows no password and no extra."""

    id: str
    #: Airflow's URI of it, instead of all the rest
    uri: str = field(default="", repr=False)
    type: str = ""
    description: str = ""
    host: str = ""
    port: int | None = None
    schema: str = ""
    login: str = ""
    password: str = field(default="", repr=False)
    #: what Airflow keeps as JSON
    extra: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Variable:
    """One variable of Airflow."""

    key: str
    value: str = field(repr=False)
    description: str = ""


@dataclass(frozen=True)
class SlotPool:
    """One pool of Airflow: so many of its tasks run at once."""

    name: str
    slots: int
    description: str = ""
    #: whether deferred tasks keep their slots
    include_deferred: bool = False


@dataclass(frozen=True)
class Objects:
    """The objects that Airflow gets at the start."""

    connections: tuple[Connection, ...] = ()
    variables: tuple[Variable, ...] = ()
    pools: tuple[SlotPool, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.connections or self.variables or self.pools)
