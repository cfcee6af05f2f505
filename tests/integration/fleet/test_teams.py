"""The pipelines of examples/teams on a fleet: by their schedules, by hand, by assets, and with a failure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from support.documents import REPOSITORY

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

TEAMS = REPOSITORY / "examples" / "teams"
SECONDS = 120.0


@dataclass(frozen=True)
class Teams:
    """The fleet of the example, and the folder that is its lake and has its channels."""

    fleet: FleetUnderTest
    lake: Path

    def unpause(self, dag_id: str) -> None:
        """Let a Dag run as its schedule says."""
        self.fleet.wait_for_dag(dag_id)
        self.fleet.api.patch("dags", dag_id, body={"is_paused": False}, update_mask="is_paused")

    def run_of_type(self, dag_id: str, run_type: str) -> str:
        """The id of the first run of this type, once it has ended well."""

        def succeeded() -> str:
            runs = self.fleet.api.get("dags", dag_id, "dagRuns", run_type=run_type)["dag_runs"]
            return next((str(run["dag_run_id"]) for run in runs if run["state"] == "success"), "")

        return wait_until(succeeded, SECONDS, f"a run of '{dag_id}', {run_type}, has succeeded", 0.3)

    def states(self, dag_id: str, run_id: str) -> dict[tuple[str, int], str]:
        """The state of each task by id and map index."""
        found = self.fleet.api.every("task_instances", "dags", dag_id, "dagRuns", run_id, "taskInstances")
        return {(task["task_id"], task["map_index"]): task["state"] for task in found}

    def returned(self, dag_id: str, run_id: str, task: str, map_index: int = -1) -> object:
        """What a task returned."""
        where = ("dags", dag_id, "dagRuns", run_id, "taskInstances", task, "xcomEntries", "return_value")
        return self.fleet.api.get(*where, map_index=map_index)["value"]

    def arrives(self, text: str) -> None:
        """Put the file that is awaited into the lake, whole."""
        draft = self.lake / "draft.csv"
        draft.write_text(text)
        draft.rename(self.lake / "inbox" / "orders.csv")


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teams]:
    lake = tmp_path_factory.mktemp("lake")
    (lake / "inbox").mkdir()
    written = (TEAMS / "fleet.yaml").read_text()
    settings = written.replace("/tmp/airfleet-teams", str(lake)) + f"env: {{TEAMS_ALERTS: {lake}}}\n"
    with FleetUnderTest.make(settings, copy_of=TEAMS) as fleet:
        fleet.start()
        yield Teams(fleet, lake)


def test_each_file_of_each_table_is_loaded_by_a_task_of_its_own_every_day(teams: Teams) -> None:
    teams.unpause("elt")
    run = teams.run_of_type("elt", "scheduled")
    files = {"orders": 3, "customers": 2, "prices": 1}
    single = ["begin", "report", *(f"{table}.{task}" for table in files for task in ("files", "total"))]
    loads = [(f"{table}.load", number) for table, count in files.items() for number in range(count)]
    assert teams.states("elt", run) == dict.fromkeys([*((task, -1) for task in single), *loads], "success")
    totals = {table: teams.returned("elt", run, f"{table}.total") for table in files}
    assert totals == {"orders": 60, "customers": 30, "prices": 10}
    changed = {event["name"] for event in teams.fleet.api.get("assets", "events")["asset_events"]}
    assert {f"warehouse-{table}" for table in files} <= changed


def test_a_branch_decides_by_the_param_of_the_run_and_the_scratch_table_is_gone(teams: Teams) -> None:
    teams.unpause("quality_gate")
    of_schedule = teams.run_of_type("quality_gate", "scheduled")
    told = teams.fleet.airfleet("trigger", "quality_gate", "--param", "doubtful=9", "--wait", "-o", "json")
    assert told.returncode == 0, told.stderr
    by_hand = teams.run_of_type("quality_gate", "manual")
    always = dict.fromkeys([(task, -1) for task in ("scratch", "judge", "count", "drop")], "success")
    published, aside = ("publish", -1), ("set_aside", -1)
    assert teams.states("quality_gate", of_schedule) == {**always, published: "success", aside: "skipped"}
    assert teams.states("quality_gate", by_hand) == {**always, published: "skipped", aside: "success"}
    assert not (teams.lake / "scratch").exists()


def test_a_file_is_awaited_without_a_slot_and_its_asset_starts_the_dag_after_it(teams: Teams) -> None:
    teams.unpause("after_arrivals")
    teams.fleet.wait_for_dag("arrivals")
    run = teams.fleet.trigger("arrivals")
    waits = ("wait", -1)
    wait_until(lambda: teams.states("arrivals", run).get(waits) == "up_for_reschedule", SECONDS, "it is awaited", 0.1)
    teams.arrives("a\nb\n")
    assert teams.fleet.wait_for_run("arrivals", run, SECONDS) == "success"
    assert (teams.lake / "taken" / "orders.csv").read_text() == "a\nb\n"
    after = teams.run_of_type("after_arrivals", "asset_triggered")
    assert teams.returned("after_arrivals", after, "use") == 2


def test_a_failure_is_told_to_the_channel_of_the_shared_file_after_its_retry(teams: Teams) -> None:
    in_the_way = teams.lake / "taken" / "orders.csv"
    in_the_way.unlink(missing_ok=True)
    in_the_way.mkdir(parents=True)
    teams.arrives("a\n")
    teams.fleet.wait_for_dag("arrivals")
    run = teams.fleet.trigger("arrivals")
    assert teams.fleet.wait_for_run("arrivals", run, SECONDS) == "failed"
    task = teams.fleet.api.get("dags", "arrivals", "dagRuns", run, "taskInstances", "take")
    assert (task["state"], task["try_number"]) == ("failed", 2)
    channel = teams.lake / "data-alerts.txt"
    wait_until(channel.exists, SECONDS, "the channel is told")
    assert channel.read_text() == "take of arrivals failed\n"
