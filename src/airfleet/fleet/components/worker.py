"""A Celery worker: takes tasks from its queues and runs as many at once as it has slots."""

from __future__ import annotations

from airfleet.fleet.components import airflow, instances
from airfleet.fleet.context import Context
from airfleet.fleet.plan import Component, FileBeats, Fork
from airfleet.fleet.spec import Worker

#: seconds that a stopping worker gives its running tasks
DRAIN_SECONDS = 60.0


def components(context: Context) -> tuple[Component, ...]:
    """The workers of this host."""
    return tuple(
        _component(context, worker, name)
        for worker in context.here.workers
        for name in instances.names(worker.name, worker.count)
    )


def _component(context: Context, worker: Worker, name: str) -> Component:
    beat = str(context.paths.runtime / f"{name}.beat")
    broker = ("valkey",) if context.embedded is not None and context.ports.broker is not None else ()
    return Component(
        name=name,
        kind="worker",
        start=Fork(
            "worker",
            {
                "name": name,
                "queues": ",".join(worker.queues),
                "slots": str(worker.slots or context.cores),
                "beat": beat,
            },
            airflow.settings(context, "worker"),
        ),
        probe=FileBeats(beat),
        needs=(*broker, "template"),
        grace_seconds=DRAIN_SECONDS,
        memory_bytes=worker.memory_bytes,
    )
