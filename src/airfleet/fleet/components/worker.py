"""A Celery worker: takes tasks from its queues and runs as many at once as it has slots."""

from __future__ import annotations

from airfleet.fleet.components import airflow
from airfleet.fleet.context import Context
from airfleet.fleet.plan import Component, FileBeats, Fork
from airfleet.fleet.spec import Worker

#: seconds that a stopping worker gives its running tasks
DRAIN_SECONDS = 60.0


def component(context: Context, worker: Worker) -> Component:
    """One worker of this machine."""
    beat = str(context.paths.runtime / f"{worker.name}.beat")
    broker = ("valkey",) if context.ports.broker is not None else ()
    return Component(
        name=worker.name,
        kind="worker",
        start=Fork(
            "worker",
            {
                "name": worker.name,
                "queues": ",".join(worker.queues),
                "slots": str(worker.slots or context.cores),
                "beat": beat,
            },
            airflow.settings(context, "worker"),
        ),
        probe=FileBeats(beat),
        needs=(*broker, "template"),
        grace_seconds=DRAIN_SECONDS,
    )
