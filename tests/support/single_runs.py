"""Runs of one task on a fleet that is broken meanwhile, and what the tasks wrote down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airfleet.drill import journal
from airfleet.drill.records import NoteKind
from airfleet.drill.waiting import wait_until
from airfleet.drill.workload import ONE
from faultlab.systems.fleet_system import FleetSystem

#: longer than a test waits for anything
_ENDLESS_SECONDS = 600.0


def ask(target: FleetSystem, run_id: str, seconds: float, dag_id: str = ONE) -> None:
    """Ask for a run of one task."""
    _ask(target, run_id, dag_id, {"seconds": seconds})


def ask_for_endless(target: FleetSystem, run_id: str, dag_id: str = ONE) -> None:
    """Ask for a run of one task that outlasts what it has to outlast; it goes on until :func:`let_end`."""
    _ask(target, run_id, dag_id, {"seconds": _ENDLESS_SECONDS, "until": str(_end_of(target, run_id))})


def let_end(target: FleetSystem, run_id: str) -> None:
    """End what was asked for as endless."""
    _end_of(target, run_id).touch()


def _ask(target: FleetSystem, run_id: str, dag_id: str, conf: Mapping[str, Any]) -> None:
    target.api.patch("dags", dag_id, body={"is_paused": False}, update_mask="is_paused")
    target.api.post("dags", dag_id, "dagRuns", body={"logical_date": None, "dag_run_id": run_id, "conf": conf})


def _end_of(target: FleetSystem, run_id: str) -> Path:
    return target.witness_folder / f"end of {run_id}"


def times_told(target: FleetSystem, run_id: str, event: NoteKind) -> int:
    """Count how often the task of a run wrote this down."""
    return sum(n.task.run_id == run_id and n.event == event for n in journal.read(target.witness_folder))


def is_told(target: FleetSystem, run_id: str, event: NoteKind) -> bool:
    """Tell whether the task of a run wrote this down."""
    return times_told(target, run_id, event) > 0


def wait_for(target: FleetSystem, run_id: str, event: NoteKind, seconds: float) -> None:
    """Wait until it has."""
    wait_until(lambda: is_told(target, run_id, event), seconds, f"{run_id} says {event}")
