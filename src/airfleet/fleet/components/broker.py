"""A broker outside of the fleet: nothing is started, and its health is watched."""

from __future__ import annotations

from typing import Final

from airfleet.fleet.components import valkey
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import BrokerWorks, Component, Watch

KIND: Final = "broker"


def needed(context: Context) -> str:
    """Name the component that stands for the broker: one that needs messages waits for it."""
    return KIND if context.ports.broker is None else valkey.KIND


def components(context: Context) -> tuple[Component, ...]:
    """Make the watch over it, unless this host runs the broker itself, or nothing that needs one."""
    if context.ports.broker is not None or not (context.here.workers or context.here.scheduler.count):
        return ()
    probe, address = BrokerWorks(context.broker), context.broker.address
    return (Component(name=KIND, kind=KIND, start=Watch(), probe=probe, address=address),)
