"""The classic examples on one fleet: every result is exactly what an independent computation says."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from corner_shop.orders import by_region, orders
from csv_to_dynamo import sample
from etl_classics import arrivals, shop
from support.classics import Classics, classics, fleet_of

pytestmark = pytest.mark.timeout(600)

DAY = "2026-01-05"
SECONDS = 150.0
#: what the Dag's own schedule loads meanwhile is a day of its own
OF_THEM = "WHERE day < '2026-01-10'"


@dataclass(frozen=True)
class Running:
    """The fleet and what its pipelines talk to."""

    fleet: FleetUnderTest
    there: Classics

    def run(self, dag_id: str, **conf: object) -> str:
        """The state in which a run of a Dag ends."""
        return self.fleet.wait_for_run(dag_id, self.begin(dag_id, **conf), SECONDS)

    def begin(self, dag_id: str, **conf: object) -> str:
        """The id of a run that was started."""
        self.fleet.wait_for_dag(dag_id)
        return self.fleet.trigger(dag_id, conf)

    def state(self, dag_id: str, run: str, task: str) -> str:
        """Of one task."""
        return str(self.fleet.api.get("dags", dag_id, "dagRuns", run, "taskInstances", task)["state"])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with classics(tmp_path_factory.mktemp("classics")) as there, fleet_of(there) as fleet:
        yield Running(fleet, there)


def test_people_come_from_one_account_into_the_other(running: Running) -> None:
    clouds = running.there.clouds
    clouds.put_csv(sample.people(rows=120, seed=9))
    assert running.run("csv_to_dynamo") == "success"
    lines = sample.people(rows=120, seed=9).splitlines()[1:]
    assert sorted(clouds.items()) == [int(line.partition(",")[0]) for line in lines]
    assert clouds.object_keys() == ["people.csv"]


def test_a_bad_file_fails_the_run_at_once_and_leaves_nothing_temporary(running: Running) -> None:
    clouds = running.there.clouds
    before = clouds.items()
    clouds.put_csv("Id,Name,Enabled,FavouriteNumber\n900,A,true,1\n901,B,perhaps,2\n", "bad.csv")
    run = running.begin("csv_to_dynamo", key="bad.csv")
    assert running.fleet.wait_for_run("csv_to_dynamo", run, SECONDS) == "failed"
    states = {task: running.state("csv_to_dynamo", run, task) for task in ("convert", "load", "remove", "end")}
    assert states == {"convert": "failed", "load": "upstream_failed", "remove": "success", "end": "upstream_failed"}
    assert clouds.items() == before
    assert not [key for key in clouds.object_keys() if key.startswith("temporary")]
    told = running.fleet.airfleet("why", "csv_to_dynamo", run)
    assert "line 3: Enabled 'perhaps' is neither true nor false" in told.stdout + told.stderr


@pytest.mark.long
def test_days_of_the_past_are_backfilled_and_the_marts_add_them_up(running: Running) -> None:
    days = [f"2026-01-{number:02}" for number in (2, 3, 4)]
    running.fleet.wait_for_dag("orders_from_api")
    running.fleet.api.patch("dags", "orders_from_api", body={"is_paused": False}, update_mask="is_paused")
    asked = {"dag_id": "orders_from_api", "from_date": f"{days[0]}T00:00:00Z", "to_date": f"{days[-1]}T00:00:00Z"}
    running.fleet.api.post("backfills", body={**asked, "max_active_runs": 3, "reprocess_behavior": "none"})

    def done() -> bool:
        found = running.fleet.api.get("dags", "orders_from_api", "dagRuns", run_type="backfill")["dag_runs"]
        return [run["state"] for run in found] == ["success"] * len(days)

    wait_until(done, SECONDS, "the days are loaded", 0.5)
    loaded = running.there.rows(f"SELECT day, id, amount, status FROM shop.orders {OF_THEM} ORDER BY id")
    expected = [one for day in days for one in shop.orders(day)]
    assert [(str(day), key, amount, status) for day, key, amount, status in loaded] == [
        (one["id"][:10], one["id"], Decimal(one["amount"]), one["status"]) for one in expected
    ]

    assert running.run("sales_marts") == "success"
    paid = [one for one in expected if one["status"] == "paid"]
    assert running.there.rows(f"SELECT day, orders, sales FROM marts.daily_sales {OF_THEM} ORDER BY day") == [
        (dt.date.fromisoformat(day), len(of_day), sum(Decimal(one["amount"]) for one in of_day))
        for day in days
        for of_day in [[one for one in paid if one["id"].startswith(day)]]
    ]


def test_a_file_is_waited_for_without_a_slot_and_loaded_when_it_is_whole(running: Running) -> None:
    run = running.begin("deliveries", day=DAY)
    wait_until(lambda: running.state("deliveries", run, "arrived") == "deferred", 60, "the file is waited for")
    folder = running.there.around.deliveries
    arrivals.deliver(folder, DAY, [(1, 10, "Eze"), (2, 20, "Eze")])
    assert running.fleet.wait_for_run("deliveries", run, SECONDS) == "success"
    assert running.there.rows("SELECT sum(pieces) FROM raw.deliveries") == [(30,)]
    assert [path.name for path in folder.iterdir()] == ["done"]


@pytest.mark.long
def test_doubtful_data_wait_for_a_person_who_lets_them_through_or_not(running: Running) -> None:
    runs = {
        day: running.begin("stock_gate", day=day) for day in ("2026-01-07", "2026-01-14", "2026-01-05", "2026-01-13")
    }
    for day, answer in (("2026-01-07", "Approve"), ("2026-01-14", "Reject")):
        answer_for(running, runs[day], day, answer)
    ended = {day: running.fleet.wait_for_run("stock_gate", run, SECONDS) for day, run in runs.items()}
    assert ended == dict.fromkeys(runs, "success") | {"2026-01-13": "failed"}
    assert running.there.rows("SELECT DISTINCT day::text FROM shop.stock ORDER BY 1") == [
        ("2026-01-05",),
        ("2026-01-07",),
    ]
    assert running.state("stock_gate", runs["2026-01-14"], "publish") == "skipped"


@pytest.mark.long
def test_the_warehouse_is_backed_up_and_the_backup_was_restored(running: Running) -> None:
    run = running.begin("nightly_backup")
    assert running.fleet.wait_for_run("nightly_backup", run, SECONDS) == "success"
    made = list(running.there.around.backups.glob("warehouse_*.dump"))
    assert made
    assert all(file.stat().st_size > 0 for file in made)
    assert running.state("nightly_backup", run, "rehearse") == "success"


@pytest.mark.long
@pytest.mark.parametrize(
    ("dag_id", "file"),
    [
        ("revenue", "revenue"),
        ("busy_or_quiet", "busy_or_quiet"),
        ("by_region", "by_region"),
        ("orders_yaml", "orders_yaml"),
    ],
)
def test_dags_in_python_run_beside_pipelines(running: Running, dag_id: str, file: str) -> None:
    assert running.run(dag_id, day=DAY) == "success"
    found, totals = result(running, f"{file}/{DAY}"), by_region(orders(DAY))
    assert (
        found
        == {
            "revenue": {**totals, "whole": sum(totals.values())},
            "busy_or_quiet": "busy" if len(orders(DAY)) >= 30 else "quiet",
            "by_region": [f"{region} {totals[region]}" for region in sorted(totals)],
            "orders_yaml": totals,
        }[dag_id]
    )


def test_an_asset_that_is_written_starts_the_dag_that_reads_it(running: Running) -> None:
    running.fleet.wait_for_dag("reads_totals")
    running.fleet.api.patch("dags", "reads_totals", body={"is_paused": False}, update_mask="is_paused")
    assert running.run("writes_totals", day=DAY) == "success"
    wait_until(lambda: (running.there.output / "read" / f"{DAY}.json").exists(), SECONDS, "the totals are read", 0.5)
    assert result(running, f"read/{DAY}") == sum(by_region(orders(DAY)).values())


def test_the_dag_of_2019_is_an_import_error_that_says_what_to_change(running: Running) -> None:
    old = Path(__file__).parents[3] / "examples" / "existing_dags" / "old" / "report_2019.py"
    running.fleet.write("pipelines/old_report.py", old.read_text())

    def told() -> str:
        found = running.fleet.api.get("importErrors")["import_errors"]
        return next((one["stack_trace"] for one in found if one["filename"].endswith("old_report.py")), "")

    message = wait_until(told, 60, "the import error is shown", 0.3)
    assert (
        "old_report.py:28:5: DAG takes no 'schedule_interval' in Airflow 3 [AF302]\nhint: write schedule='@daily'"
        in message
    )
    assert message.count("in Airflow 3") == 16
    (running.fleet.root / "pipelines" / "old_report.py").unlink()


def answer_for(running: Running, run: str, day: str, answer: str) -> None:
    """Answer as a person does in the UI, once the task asks."""
    task = ("dags", "stock_gate", "dagRuns", run, "taskInstances", "ask")
    wait_until(lambda: running.fleet.api.get(*task)["state"] == "awaiting_input", 90, f"{day} is asked about")
    asked = running.fleet.api.get(*task, "-1", "hitlDetails")
    assert asked["subject"] == f"Publish the stock of {day}?"
    assert asked["body"] == "6 of 50 products have no price."
    running.fleet.api.patch(*task, "-1", "hitlDetails", body={"chosen_options": [answer], "params_input": {}})


def result(running: Running, name: str) -> object:
    """What a Dag of the shop left."""
    return json.loads((running.there.output / f"{name}.json").read_text())
