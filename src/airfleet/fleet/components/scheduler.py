"""The scheduler. Decides what runs next; any number may run, Airflow makes them share the work."""

from __future__ import annotations

from airfleet.fleet.components import airflow
from airfleet.fleet.context import Context
from airfleet.fleet.plan import Component, Fork, JobBeats


def component(context: Context) -> Component:
    """The one scheduler of this machine."""
    return Component(
        name="scheduler",
        kind="scheduler",
        start=Fork("scheduler", settings=airflow.settings(context, "scheduler")),
        probe=JobBeats("SchedulerJob"),
        needs=("migrate", "template"),
        grace_seconds=15.0,
    )
