"""All kinds of components, in the order of their needs; a new kind is a module of this room and one line here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from airfleet.fleet.components import (
    api_server,
    broker,
    dag_processor,
    flower,
    log_server,
    migrate,
    objects,
    postgres,
    proxy,
    scheduler,
    triggerer,
    valkey,
    worker,
    zygote,
)
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component


class ComponentKind(Protocol):
    """A module of this room that makes the components of one kind."""

    @property
    def KIND(self) -> str:
        """The kind, by which the agent, the settings and the zygote's table of entries know it."""

    def components(self, context: Context, /) -> Iterable[Component]:
        """Make the components of this kind for the host of a context; none when it has none."""


KINDS: Final[tuple[ComponentKind, ...]] = (
    postgres,
    valkey,
    broker,
    zygote,
    migrate,
    objects,
    scheduler,
    dag_processor,
    triggerer,
    worker,
    api_server,
    log_server,
    flower,
    proxy,
)
