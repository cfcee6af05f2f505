"""The triggerers. They wait on behalf of deferred tasks."""

from __future__ import annotations

from airfleet.fleet.components import settings
from airfleet.fleet.names import numbered
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork, JobBeats


def components(context: Context) -> tuple[Component, ...]:
    """The triggerers of this host."""
    return tuple(_component(context, name) for name in numbered("triggerer", context.here.triggerer.count))


def _component(context: Context, name: str) -> Component:
    return Component(
        name=name,
        kind="triggerer",
        start=Fork("triggerer", settings=settings.settings(context, "triggerer")),
        probe=JobBeats("TriggererJob", file=str(context.paths.job(name))),
        needs=("migrate", "template"),
        grace_seconds=15.0,
        memory_bytes=context.here.triggerer.memory_bytes,
    )
