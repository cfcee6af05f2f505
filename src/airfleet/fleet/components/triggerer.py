"""The triggerer. Waits on behalf of deferred tasks."""

from __future__ import annotations

from airfleet.fleet.components import airflow
from airfleet.fleet.context import Context
from airfleet.fleet.plan import Component, Fork, JobBeats


def component(context: Context) -> Component:
    """The one triggerer of this machine."""
    return Component(
        name="triggerer",
        kind="triggerer",
        start=Fork("triggerer", settings=airflow.settings(context, "triggerer")),
        probe=JobBeats("TriggererJob"),
        needs=("migrate", "template"),
        grace_seconds=15.0,
    )
