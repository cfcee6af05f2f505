"""The schedulers. They decide what runs next; any number may run, Airflow makes them share the work."""

from __future__ import annotations

from typing import Final

from airfleet.fleet.components import migrate, objects, settings, zygote
from airfleet.fleet.names import numbered
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork, JobBeats

KIND: Final = "scheduler"


def components(context: Context) -> tuple[Component, ...]:
    """Make the schedulers of this host."""
    return tuple(_component(context, name) for name in numbered(KIND, context.here.scheduler.count))


def _component(context: Context, name: str) -> Component:
    return Component(
        name=name,
        kind=KIND,
        start=Fork(KIND, settings=settings.settings(context, KIND)),
        probe=JobBeats("SchedulerJob", file=str(context.paths.job(name))),
        # A task may ask for a connection as soon as it runs.
        needs=(objects.KIND if context.fleet.objects else migrate.KIND, zygote.KIND),
        grace_seconds=15.0,
        memory_bytes=context.here.scheduler.memory_bytes,
    )
