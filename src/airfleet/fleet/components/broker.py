"""A broker that is not ours: nothing to start, but everybody wants to know how it is."""

from __future__ import annotations

from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import BrokerWorks, Component, Watch

NAME = "broker"


def name(context: Context) -> str:
    """The component that those need who need the broker."""
    return NAME if context.ports.broker is None else "valkey"


def component(context: Context) -> Component | None:
    """The watch over it; None when this host runs the broker itself, or nothing that needs one."""
    if context.ports.broker is not None or not (context.here.workers or context.here.scheduler.count):
        return None
    return Component(
        name=NAME,
        kind=NAME,
        start=Watch(),
        probe=BrokerWorks(context.broker),
        address=context.broker.address,
    )
