"""The dag-processor. Reads pipelines and Dag files, and runs their callbacks."""

from __future__ import annotations

from airfleet.fleet.components import airflow
from airfleet.fleet.context import Context
from airfleet.fleet.plan import Component, Fork, JobBeats


def component(context: Context) -> Component:
    """The one dag-processor of this machine."""
    return Component(
        name="dag-processor",
        kind="dag-processor",
        start=Fork("dag-processor", settings=airflow.settings(context, "dag-processor")),
        probe=JobBeats("DagProcessorJob"),
        needs=("migrate", "template"),
        grace_seconds=15.0,
    )
