"""The migration: a step that brings the database to Airflow's schema, when it is not there yet."""

from __future__ import annotations

from airfleet.fleet.components import settings
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork

#: a database of years is changed for long, and another host waits for as long; the step itself does not wait for locks
START_SECONDS = 4 * 3600.0


def component(context: Context) -> Component:
    """The step that every component with a database waits for."""
    return Component(
        name="migrate",
        kind="migrate",
        start=Fork(
            "migrate",
            {"objects": "some" if context.fleet.objects else "none"},
            settings=settings.settings(context, "migrate"),
        ),
        # Not "template": the order waits for it, and is obeyed before the template is quite ready.
        needs=("postgres",) if context.embedded is not None and context.ports.postgres is not None else (),
        once=True,
        grace_seconds=30.0,
        start_seconds=START_SECONDS,
    )
