"""The objects: a step that gives Airflow the connections, variables and pools of ``fleet.yaml``."""

from __future__ import annotations

import json
from dataclasses import asdict

from airfleet.fleet.components import settings
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork

NAME = "objects"


def components(context: Context) -> tuple[Component, ...]:
    """The step, on each host with a scheduler (which waits for it) when the fleet has any of them."""
    if not context.fleet.objects or not context.here.scheduler.count:
        return ()
    told = ("airfleet", "objects", json.dumps(asdict(context.fleet.objects)))
    start = Fork("objects", settings=(*settings.settings(context, "objects"), told))
    step = Component(name=NAME, kind=NAME, start=start, needs=("migrate",), once=True, grace_seconds=30.0)
    return (step,)
