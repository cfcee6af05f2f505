"""Flower: the page about workers and queues that comes with Celery. Off unless ``fleet.yaml`` has it.

It asks for the generated password, changes nothing unless the fleet allows it, and listens on loopback unless a proxy
on another host must reach it.
"""

from __future__ import annotations

from typing import Final

from airfleet.fleet.components import settings, valkey, zygote
from airfleet.fleet.config.spec import LOOPBACK, Fleet, Flower
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork, HttpAnswers, Sleep, Wake, sleep_options
from airfleet.fleet.servers.nginx_site import Door

KIND: Final = "flower"


def components(context: Context) -> tuple[Component, ...]:
    """Make Flower, if it runs on this host."""
    flower, port = context.fleet.flower, context.ports.flower
    return () if flower is None or port is None else (_component(context, flower, port),)


def _component(context: Context, flower: Flower, port: int) -> Component:
    door = Door(listens_on(context.fleet, flower), port)
    path = url_path(context.fleet)
    own_broker = (valkey.KIND,) if context.embedded is not None and context.ports.broker is not None else ()
    sleep = _sleep(context, flower, door)
    options = {
        "address": door.address,
        "port": str(port),
        "path": path,
        "read_only": "yes" if flower.read_only else "no",
        **sleep_options(sleep),
    }
    asked = Door(LOOPBACK, port) if door.address in ("0.0.0.0", "::") else door
    return Component(
        name=KIND,
        kind=KIND,
        start=Fork(KIND, options, settings.settings(context, KIND)),
        probe=HttpAnswers((f"http://{asked}{path}/healthcheck",)),
        needs=(*own_broker, zygote.KIND),
        grace_seconds=5.0,
        address=str(door),
        memory_bytes=flower.memory_bytes,
        sleep=sleep,
    )


def _sleep(context: Context, flower: Flower, door: Door) -> Sleep | None:
    awake = not context.sizing.flower_sleeps if flower.awake is None else flower.awake
    sleep = Sleep(Wake.ASKED, context.sizing.flower_after_seconds, (door.address, door.port), from_start=True)
    return None if awake else sleep


def url_path(fleet: Fleet) -> str:
    """Return the path below which Flower serves everything: empty without a proxy."""
    return fleet.proxy.flower_path.rstrip("/") if fleet.proxy else ""


def listens_on(fleet: Fleet, flower: Flower) -> str:
    """Return the address: loopback, unless a proxy on another host must reach it or ``fleet.yaml`` says another."""
    if flower.address is not None:
        return flower.address
    elsewhere = fleet.proxy is not None and set(fleet.proxy.on) != {flower.on}
    return fleet.host(flower.on).address if elsewhere else LOOPBACK


def reached_at(context: Context) -> str | None:
    """Return ``host:port`` of Flower for the proxy on this host; None without Flower."""
    flower = context.fleet.flower
    if flower is None:
        return None
    if flower.on != context.host:
        return str(Door(context.fleet.host(flower.on).address, flower.port))
    address = listens_on(context.fleet, flower)
    return str(Door(LOOPBACK if address in ("0.0.0.0", "::") else address, context.ports.flower or flower.port))
