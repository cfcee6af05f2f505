"""The api-server: the UI, the REST API and the execution API that tasks report to."""

from __future__ import annotations

from airfleet.fleet.components import airflow
from airfleet.fleet.context import Context
from airfleet.fleet.plan import Component, Fork, HttpAnswers


def component(context: Context) -> Component:
    """The one api-server of this machine."""
    address, port = context.fleet.api_server.address, context.ports.api_server
    return Component(
        name="api-server",
        kind="api-server",
        start=Fork(
            "api-server",
            {"address": address, "port": str(port)},
            airflow.settings(context, "api-server"),
        ),
        # The first request of the execution API builds its routers (seconds in stock Airflow): a fleet
        # is not ready to run a task before that has been answered.
        probe=HttpAnswers((f"{context.url}/api/v2/version", f"{context.url}/execution/health")),
        needs=("migrate", "template"),
        grace_seconds=15.0,
        address=f"{address}:{port}",
    )
