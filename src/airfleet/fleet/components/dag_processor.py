"""The dag-processors. They read pipelines and Dag files, and run their callbacks."""

from __future__ import annotations

from airfleet.fleet.components import settings
from airfleet.fleet.names import numbered
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork, JobBeats


def components(context: Context) -> tuple[Component, ...]:
    """The dag-processors of this host."""
    count = context.here.dag_processor.count
    return tuple(_component(context, name) for name in numbered("dag-processor", count))


def _component(context: Context, name: str) -> Component:
    return Component(
        name=name,
        kind="dag-processor",
        start=Fork("dag-processor", settings=settings.settings(context, "dag-processor")),
        probe=JobBeats("DagProcessorJob", file=str(context.paths.job(name))),
        needs=("migrate", "template"),
        grace_seconds=15.0,
        memory_bytes=context.here.dag_processor.memory_bytes,
    )
