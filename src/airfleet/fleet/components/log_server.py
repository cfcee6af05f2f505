"""The log server: gives what tasks and components wrote on this host to other hosts.

It runs on every host, with anything of Airflow's, of a fleet that has several, each with a folder of its own.
"""

from __future__ import annotations

from airfleet.fleet.components import settings
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork, HttpAnswers
from airfleet.fleet.servers.nginx_site import Door

NAME = "log-server"
HEALTH = "/airfleet/health"


def component(context: Context) -> Component | None:
    """This host's log server, or None when nobody needs one."""
    port = context.ports.logs
    if port is None:
        return None
    door = Door(context.here.address, port)
    options = {"address": door.address, "port": str(port), "components": str(context.paths.logs)}
    return Component(
        name=NAME,
        kind=NAME,
        start=Fork(NAME, options, settings.settings(context, NAME)),
        probe=HttpAnswers((f"http://{door}{HEALTH}",)),
        needs=("template",),
        grace_seconds=5.0,
        address=str(door),
    )
