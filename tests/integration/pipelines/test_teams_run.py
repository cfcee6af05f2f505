"""The pipelines of examples/teams in one process, as ``airfleet run`` runs them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airfleet.pipelines.local.runner import RunOutcome, run_pipeline
from support.documents import REPOSITORY

TEAMS = REPOSITORY / "examples" / "teams" / "pipelines"


def ran(lake: Path, file: str, dag: str | None = None, **params: int) -> RunOutcome:
    environ = {**os.environ, "TEAMS_ALERTS": str(lake), "AIRFLEET_VAR_lake": str(lake)}
    return run_pipeline(TEAMS / file, dag_id=dag, params=params, environ=environ)


def ends(outcome: RunOutcome) -> dict[str, str]:
    return {event.task: event.kind for event in outcome.tasks}


def test_each_file_of_each_table_is_loaded_by_a_task_of_its_own(tmp_path: Path) -> None:
    outcome = ran(tmp_path, "elt.yaml")
    assert outcome.ok, outcome.tasks
    loads = [event.task for event in outcome.tasks if event.task in ("orders.load", "prices.load")]
    assert sorted(loads) == ["orders.load", "orders.load", "orders.load", "prices.load"]


@pytest.mark.parametrize(("doubtful", "done", "left_out"), [(3, "publish", "set_aside"), (9, "set_aside", "publish")])
def test_a_branch_decides_and_the_scratch_table_is_gone(
    doubtful: int, done: str, left_out: str, tmp_path: Path
) -> None:
    outcome = ran(tmp_path, "quality_gate.yaml", doubtful=doubtful)
    found = ends(outcome)
    assert (outcome.ok, found[done], found[left_out], found["drop"]) == (True, "succeeded", "skipped", "succeeded")
    assert not (tmp_path / "scratch").exists()


def test_a_file_is_awaited_and_used(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "orders.csv").write_text("a\nb\n")
    assert ran(tmp_path, "arrivals.yaml", dag="arrivals").ok
    assert ran(tmp_path, "arrivals.yaml", dag="after_arrivals").ok
    assert (tmp_path / "taken" / "orders.csv").exists()


def test_a_failure_is_told_to_the_channel_of_the_shared_file(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "orders.csv").write_text("a\n")
    (tmp_path / "taken").write_text("in the way of the folder\n")
    assert not ran(tmp_path, "arrivals.yaml", dag="arrivals").ok
    assert (tmp_path / "data-alerts.txt").read_text() == "take of arrivals failed\n"
