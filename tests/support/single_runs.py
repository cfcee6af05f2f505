"""Runs of one task on a fleet that is broken meanwhile, and what the tasks wrote down."""

from __future__ import annotations

from airfleet.testing import witness
from airfleet.testing.history import Event
from airfleet.testing.targets import FleetTarget
from airfleet.testing.waiting import wait_until
from airfleet.testing.workload import ONE


def ask(target: FleetTarget, run_id: str, seconds: float, dag_id: str = ONE) -> None:
    """Ask for a run of one task."""
    target.api.patch("dags", dag_id, body={"is_paused": False}, update_mask="is_paused")
    body = {"logical_date": None, "dag_run_id": run_id, "conf": {"seconds": seconds}}
    target.api.post("dags", dag_id, "dagRuns", body=body)


def times_told(target: FleetTarget, run_id: str, event: Event) -> int:
    """How often the task of a run wrote this down."""
    return sum(n.task.run_id == run_id and n.event == event for n in witness.read(target.witness_folder))


def is_told(target: FleetTarget, run_id: str, event: Event) -> bool:
    """Whether it did."""
    return times_told(target, run_id, event) > 0


def wait_for(target: FleetTarget, run_id: str, event: Event, seconds: float) -> None:
    """Wait until it has."""
    wait_until(lambda: is_told(target, run_id, event), seconds, f"{run_id} says {event}")
