"""The objects: a step that gives Airflow the connections, variables and pools of ``fleet.yaml``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Final

from airfleet.fleet.components import migrate, settings
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork

KIND: Final = "objects"


def components(context: Context) -> tuple[Component, ...]:
    """Make the step, on each host with a scheduler (which waits for it), if the fleet has any of them."""
    if not context.fleet.objects or not context.here.scheduler.count:
        return ()
    told = ("airfleet", "objects", json.dumps(asdict(context.fleet.objects)))
    start = Fork(KIND, settings=(*settings.settings(context, KIND), told))
    step = Component(name=KIND, kind=KIND, start=start, needs=(migrate.KIND,), once=True, grace_seconds=30.0)
    return (step,)
