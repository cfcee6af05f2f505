"""The schedulers. They decide what runs next; any number may run, Airflow makes them share the work."""

from __future__ import annotations

from airfleet.fleet.components import objects, settings
from airfleet.fleet.names import numbered
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork, JobBeats


def components(context: Context) -> tuple[Component, ...]:
    """The schedulers of this host."""
    return tuple(_component(context, name) for name in numbered("scheduler", context.here.scheduler.count))


def _component(context: Context, name: str) -> Component:
    return Component(
        name=name,
        kind="scheduler",
        start=Fork("scheduler", settings=settings.settings(context, "scheduler")),
        probe=JobBeats("SchedulerJob", file=str(context.paths.job(name))),
        # A task may ask for a connection as soon as it runs.
        needs=(objects.NAME if context.fleet.objects else "migrate", "template"),
        grace_seconds=15.0,
        memory_bytes=context.here.scheduler.memory_bytes,
    )
