"""The migration: a step that brings the database to Airflow's schema, when it is not there yet."""

from __future__ import annotations

from typing import Final

from airfleet.fleet.components import postgres, settings
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork

KIND: Final = "migrate"
#: a database of years is changed for long, and another host waits for as long; the step itself does not wait for locks
START_SECONDS: Final = 4 * 3600.0


def components(context: Context) -> tuple[Component, ...]:
    """Make the step that every component with a database waits for, if this host has any."""
    return (_component(context),) if context.uses_database else ()


def _component(context: Context) -> Component:
    return Component(
        name=KIND,
        kind=KIND,
        start=Fork(
            KIND,
            {"objects": "some" if context.fleet.objects else "none"},
            settings=settings.settings(context, KIND),
        ),
        # Not "zygote": the order waits for it, and is obeyed before the zygote is quite ready.
        needs=(postgres.KIND,) if context.embedded is not None and context.ports.postgres is not None else (),
        once=True,
        grace_seconds=30.0,
        start_seconds=START_SECONDS,
    )
