"""The template: imports Airflow once, and forks every Airflow component on command."""

from __future__ import annotations

import sys

from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Exec, Started


def component(_: Context) -> Component:
    """The template process; the agent adds its end of the socket."""
    return Component(
        name="template",
        kind="template",
        start=Exec((sys.executable, "-m", "airfleet.zygote.main")),
        probe=Started(),
        start_seconds=120.0,
        grace_seconds=5.0,
    )
