"""The triggerers. They wait on behalf of deferred tasks."""

from __future__ import annotations

from typing import Final

from airfleet.fleet.components import migrate, settings, zygote
from airfleet.fleet.names import numbered
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Fork, JobBeats, Sleep, Wake, sleep_options

KIND: Final = "triggerer"


def components(context: Context) -> tuple[Component, ...]:
    """Make the triggerers of this host."""
    return tuple(_component(context, name) for name in numbered(KIND, context.here.triggerer.count))


def _component(context: Context, name: str) -> Component:
    sleep = _sleep(context)
    return Component(
        name=name,
        kind=KIND,
        start=Fork(KIND, sleep_options(sleep), settings.settings(context, KIND)),
        probe=JobBeats("TriggererJob", file=str(context.paths.job(name))),
        needs=(migrate.KIND, zygote.KIND),
        grace_seconds=15.0,
        memory_bytes=context.here.triggerer.memory_bytes,
        sleep=sleep,
    )


def _sleep(context: Context) -> Sleep | None:
    sizing = context.sizing
    sleep = Sleep(Wake.DEFERRED, sizing.sleep_after_seconds, from_start=sizing.triggerer_starts_asleep)
    return None if context.here.triggerer.awake else sleep
