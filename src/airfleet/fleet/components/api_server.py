"""The api-servers: the UI, the REST API and the execution API that tasks report to."""

from __future__ import annotations

from typing import Final

from airfleet.fleet.components import migrate, proxy, settings, zygote
from airfleet.fleet.names import numbered
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork, HttpAnswers

KIND: Final = "api-server"


def components(context: Context) -> tuple[Component, ...]:
    """Make the api-servers of this host, each on a port of its own."""
    names = numbered(KIND, len(context.ports.api_servers))
    urls = context.api_urls  # its own come first
    return tuple(
        _component(context, name, port, url)
        for name, port, url in zip(names, context.ports.api_servers, urls, strict=False)
    )


def _component(context: Context, name: str, port: int, url: str) -> Component:
    return Component(
        name=name,
        kind=KIND,
        start=Fork(
            KIND,
            {
                "address": context.api_address,
                "port": str(port),
                "proxies": ",".join(proxy.trusted(context)),
                "user": context.fleet.user,
                "releases": str(context.paths.releases),
            },
            settings.settings(context, KIND),
        ),
        # The first request of the execution API builds its routers (seconds in stock Airflow): a fleet
        # is not ready to run a task before that has been answered.
        probe=HttpAnswers((f"{url}/api/v2/version", f"{url}/execution/health")),
        needs=(migrate.KIND, zygote.KIND),
        grace_seconds=15.0,
        address=f"{context.api_address}:{port}",
        memory_bytes=context.here.api_server.memory_bytes,
    )
