"""The dag-processors. They read pipelines and Dag files, and run their callbacks."""

from __future__ import annotations

from typing import Final

from airfleet.fleet.components import migrate, settings, zygote
from airfleet.fleet.names import numbered
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork, JobBeats, Sleep, Wake, sleep_options

KIND: Final = "dag-processor"


def components(context: Context) -> tuple[Component, ...]:
    """Make the dag-processors of this host."""
    count = context.here.dag_processor.count
    return tuple(_component(context, name) for name in numbered(KIND, count))


def _component(context: Context, name: str) -> Component:
    sleep = _sleep(context)
    return Component(
        name=name,
        kind=KIND,
        start=Fork(KIND, sleep_options(sleep), settings.settings(context, KIND)),
        probe=JobBeats("DagProcessorJob", file=str(context.paths.job(name))),
        needs=(migrate.KIND, zygote.KIND),
        grace_seconds=15.0,
        memory_bytes=context.here.dag_processor.memory_bytes,
        sleep=sleep,
    )


def _sleep(context: Context) -> Sleep | None:
    return None if context.here.dag_processor.awake else Sleep(Wake.CHANGED, context.sizing.sleep_after_seconds)
