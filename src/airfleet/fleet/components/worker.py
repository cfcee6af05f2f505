"""A Celery worker: takes tasks from its queues and runs as many at once as it has slots."""

from __future__ import annotations

from typing import Final

from airfleet.fleet.components import broker, settings, zygote
from airfleet.fleet.config.spec import Worker
from airfleet.fleet.names import numbered
from airfleet.fleet.planning import worker_slots
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, FileBeats, Fork

KIND: Final = "worker"
#: seconds without a sign that it takes messages, after which it is replaced while the broker is well
LATE_SECONDS = 9.0


def components(context: Context) -> tuple[Component, ...]:
    """Make the workers of this host."""
    return tuple(
        _component(context, worker, name)
        for worker in context.here.workers
        for name in numbered(worker.name, worker.count)
    )


def _component(context: Context, worker: Worker, name: str) -> Component:
    chosen = worker_slots.choose(worker, context.here, context.cores, context.memory_bytes)
    beat = str(context.paths.runtime / f"{name}.beat")
    return Component(
        name=name,
        kind=KIND,
        start=Fork(
            KIND,
            {
                "name": name,
                "queues": ",".join(worker.queues),
                "slots": str(chosen.slots),
                "beat": beat,
            },
            settings.settings(context, KIND),
        ),
        probe=FileBeats(beat, LATE_SECONDS, context.broker),
        needs=(broker.needed(context), zygote.KIND),
        memory_bytes=worker.memory_bytes,
        group=worker.name,
        slots_by=chosen.by,
    )
