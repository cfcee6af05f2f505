"""The log server: it gives the logs of this host's tasks and components to other hosts.

It runs on every host, with anything of Airflow's, of a fleet that has several, each with a folder of its own.
"""

from __future__ import annotations

from typing import Final

from airfleet.fleet.components import settings, zygote
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork, HttpAnswers
from airfleet.fleet.servers.nginx_site import Door

KIND: Final = "log-server"
HEALTH: Final = "/airfleet/health"


def components(context: Context) -> tuple[Component, ...]:
    """Make this host's log server, if other hosts need one."""
    port = context.ports.logs
    if port is None:
        return ()
    door = Door(context.here.address, port)
    options = {"address": door.address, "port": str(port), "components": str(context.paths.logs)}
    made = Component(
        name=KIND,
        kind=KIND,
        start=Fork(KIND, options, settings.settings(context, KIND)),
        probe=HttpAnswers((f"http://{door}{HEALTH}",)),
        needs=(zygote.KIND,),
        grace_seconds=5.0,
        address=str(door),
    )
    return (made,)
