"""``trigger``: what goes to the API, and what a person hears about it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from airfleet.cli.commands.pipelines import trigger
from airfleet.client.project import Project
from airfleet.errors import FleetError
from support.command_line import Airfleet
from support.fake_airflow import FakeAirflow, dag


@pytest.fixture(autouse=True)
def orders(airflow: FakeAirflow) -> FakeAirflow:
    airflow.dags = {"orders": dag("orders")}
    airflow.tasks = {"orders": {"load": [], "extract": ["load"]}}
    return airflow


def step(states: list[tuple[str, dict[str, str | None]]]) -> Any:
    """Let the run go on a step with each look at it: (state of the run, states of tasks)."""

    def go_on(fake: FakeAirflow) -> None:
        state, tasks = states.pop(0) if len(states) > 1 else states[0]
        fake.runs[-1]["state"] = state
        if state in ("success", "failed"):
            fake.runs[-1] |= {"duration": 2.5, "end_date": "2026-01-31T06:00:03Z"}
        for ti in fake.instances:
            ti["state"] = tasks.get(ti["task_id"])
            if ti["state"] in ("success", "failed"):
                ti |= {"duration": 1.25, "end_date": "2026-01-31T06:00:02Z", "start_date": "2026-01-31T06:00:01Z"}

    return go_on


def test_the_run_is_made_with_conf_params_and_date(orders: FakeAirflow, airfleet: Airfleet) -> None:
    result = airfleet(
        "trigger", "orders", "--conf", '{"day": 1, "full": true}', "--param", "day=2", "--param", "who=me",
        "--date", "2026-01-05", "-o", "plain",
    )  # fmt: skip
    assert result.code == 0
    (made,) = orders.runs
    assert made["conf"] == {"day": 2, "full": True, "who": "me"}
    assert made["logical_date"] == "2026-01-05T00:00:00+00:00"
    assert result.out == f"orders\t{made['dag_run_id']}\tqueued\n"
    assert result.err == f"started run {made['dag_run_id']} of 'orders'\n"


def test_a_run_has_a_logical_date_unless_it_is_not_wanted(orders: FakeAirflow, airfleet: Airfleet) -> None:
    airfleet("trigger", "orders")
    airfleet("trigger", "orders", "--no-date")
    with_date, without = orders.runs
    assert with_date["dag_run_id"] == f"manual__{with_date['logical_date']}"
    assert without["logical_date"] is None


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        (
            {"start_date": "2050-01-01T00:00:00Z"},
            "its start_date is 2050-01-01T00:00+00:00\nhint: --date 2050-01-01T00:00+00:00, or --no-date\n",
        ),
        (
            {"start_date": "2020-01-01T00:00:00Z", "end_date": "2025-01-01T00:00:00Z"},
            "its end_date is 2025-01-01T00:00+00:00\nhint: --date 2025-01-01T00:00+00:00, or --no-date\n",
        ),
    ],
)
def test_a_run_outside_of_the_dates_of_its_dag_is_refused(
    dates: dict[str, str], said: str, orders: FakeAirflow, airfleet: Airfleet
) -> None:
    orders.dags = {"orders": dag("orders", is_paused=True, **dates)}
    result = airfleet("trigger", "orders", "--unpause", "--date", "2026-01-05")
    assert (result.code, result.err) == (
        1,
        f"error: no task of 'orders' takes part in a run of 2026-01-05T00:00+00:00: {said}",
    )
    assert orders.dags["orders"]["is_paused"]
    assert airfleet("trigger", "orders", "--unpause", "--no-date").code == 0
    assert len(orders.runs) == 1


def test_a_run_without_any_task_does_not_succeed(orders: FakeAirflow, airfleet: Airfleet) -> None:
    orders.tasks = {"orders": {}}
    orders.on_run = step([("success", {})])
    result = airfleet("trigger", "orders", "--wait")
    assert result.code == 1
    assert result.err.endswith(
        "\nno task took part in it: each has a start_date that is later, or an end_date that is earlier\n"
    )


def test_waiting_shows_every_task_in_the_order_in_which_they_run(orders: FakeAirflow, airfleet: Airfleet) -> None:
    orders.on_run = step(
        [
            ("running", {"extract": "running"}),
            ("running", {"extract": "success", "load": "queued"}),
            ("success", {"extract": "success", "load": "success"}),
        ]
    )
    result = airfleet("trigger", "orders", "--wait")
    assert result.code == 0
    told = [line.split(maxsplit=1)[1] for line in result.err.splitlines() if line.startswith("  ")]
    assert told == [
        "extract  running",
        "load     waiting",
        "extract  success after 1.2s",
        "load     queued",
        "load     success after 1.2s",
    ]
    assert result.err.splitlines()[-1] == f"run {orders.runs[0]['dag_run_id']} of 'orders' succeeded after 2.5s"


def test_a_failed_run_exits_1_and_names_the_next_command(orders: FakeAirflow, airfleet: Airfleet) -> None:
    orders.on_run = step([("failed", {"extract": "failed", "load": "upstream_failed"})])
    result = airfleet("trigger", "orders", "--wait", "-o", "json")
    run_id = orders.runs[0]["dag_run_id"]
    assert result.code == 1
    assert result.err.endswith(
        f"run {run_id} of 'orders' failed after 2.5s; 1 task failed\nhint: airfleet why orders {run_id}\n"
    )
    data = json.loads(result.out)
    assert (data["state"], [(task["task"], task["state"]) for task in data["tasks"]]) == (
        "failed",
        [("extract", "failed"), ("load", "upstream_failed")],
    )


def test_a_run_that_is_not_over_in_time_exits_124_and_goes_on(orders: FakeAirflow, airfleet: Airfleet) -> None:
    orders.on_run = step([("running", {"extract": "running"})])
    result = airfleet("trigger", "orders", "--wait", "--timeout", "0")
    run_id = orders.runs[0]["dag_run_id"]
    assert result.code == 124
    assert result.err.endswith(
        f"error: run {run_id} of 'orders' was not over within 0.0s; it goes on: extract, load\n"
        f"hint: airfleet why orders {run_id}\n"
    )


def test_a_paused_dag_is_not_triggered(orders: FakeAirflow, airfleet: Airfleet) -> None:
    orders.dags["orders"]["is_paused"] = True
    result = airfleet("trigger", "orders")
    assert result.code == 1
    assert result.err == "error: Dag 'orders' is paused: a run would wait\nhint: airfleet trigger orders --unpause\n"
    assert orders.runs == []


def test_unpause_unpauses_first(orders: FakeAirflow, airfleet: Airfleet) -> None:
    orders.dags["orders"]["is_paused"] = True
    assert airfleet("trigger", "orders", "--unpause").code == 0
    assert orders.dags["orders"]["is_paused"] is False
    assert len(orders.runs) == 1


def broken(filename: str, trace: str) -> dict[str, object]:
    return {"import_error_id": 1, "filename": filename, "stack_trace": trace, "timestamp": None, "bundle_name": "p"}


TRACEBACK = 'Traceback (most recent call last):\n  File "jobs.py", line 1\n    eu_sales(\nSyntaxError: ('


@pytest.mark.parametrize(
    ("dag_id", "errors", "said"),
    [
        ("ordres", [], "no Dag named 'ordres'\nhint: did you mean 'orders'?"),
        ("x", [], "no Dag named 'x'\nhint: there are: orders"),
        (
            "sales",
            [broken("sales.yaml", "sales.yaml:3:5: tasks: no list")],
            "no Dag named 'sales': its file sales.yaml has problems\n"
            "sales.yaml:3:5: tasks: no list\nhint: airfleet check",
        ),
        (
            "eu_sales",
            [
                broken(
                    "jobs.py",
                    'Traceback (most recent call last):\n  File "jobs.py", line 1\n    eu_sales(\nSyntaxError: (',
                )
            ],
            f"no Dag named 'eu_sales': its file jobs.py has problems\n{TRACEBACK}\nhint: airfleet check",
        ),
        (
            "other",
            [broken("sales.yaml", "sales.yaml:3:5: tasks: no list")],
            "no Dag named 'other'\nhint: 1 file has problems, it may be in one of them: airfleet check",
        ),
    ],
)
def test_an_unknown_dag(
    dag_id: str, errors: list[dict[str, object]], said: str, orders: FakeAirflow, airfleet: Airfleet
) -> None:
    orders.import_errors = errors
    result = airfleet("trigger", dag_id)
    assert result.code == 1
    assert result.err == f"error: {said}\n"


class ReadLater(dict[str, Any]):
    """Dags of a fleet that reads its files while people ask for them."""

    asked = 0

    def __contains__(self, dag_id: object) -> bool:
        self.asked += 1
        return self.asked > 2 and super().__contains__(dag_id)


def test_a_pipeline_of_the_project_that_the_fleet_has_not_read_yet_is_waited_for(
    orders: FakeAirflow, airfleet: Airfleet, project: Project
) -> None:
    pipeline = "dag_id: fresh\nstart_date: 2026-01-01\ntasks: [{id: a}]\n"
    (project.root / "pipelines" / "fresh.yaml").write_text(pipeline)
    orders.dags = ReadLater(fresh=dag("fresh"))
    result = airfleet("trigger", "fresh", "-o", "plain")
    assert result.code == 0
    assert result.err.startswith("the fleet has not read 'fresh' yet; waiting for it\nstarted run ")
    assert orders.runs[0]["dag_id"] == "fresh"


def test_another_process_looks_for_it_and_takes_its_memory_with_it(
    orders: FakeAirflow,
    airfleet: Airfleet,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = trigger._says

    def noted(*told: Any) -> bool:
        (tmp_path / "looked").write_text(str(os.getpid()))
        return looks(*told)

    monkeypatch.setattr(trigger, "_says", noted)
    (project.root / "pipelines" / "fresh.yaml").write_text("dag_id: fresh\ntasks: [{id: a}]\n")
    orders.dags = ReadLater(fresh=dag("fresh"))
    assert airfleet("trigger", "fresh").code == 0
    assert int((tmp_path / "looked").read_text()) != os.getpid()


def test_a_fleet_file_that_is_broken_meanwhile_is_named(
    orders: FakeAirflow, airfleet: Airfleet, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_: object, dag_id: str) -> None:
        (project.root / "fleet.yaml").write_text("name: [shop\n")
        raise FleetError(f"no Dag named '{dag_id}'")

    monkeypatch.setattr(trigger.api_queries, "find", breaks)
    result = airfleet("trigger", "fresh")
    assert result.code == 1
    assert "fleet.yaml:" in result.err


def test_a_dag_whose_file_is_broken_now_shows_the_problem(orders: FakeAirflow, airfleet: Airfleet) -> None:
    orders.dags["orders"]["has_import_errors"] = True
    orders.import_errors = [broken("orders.yaml", "orders.yaml:2:1: tasks: no list")]
    result = airfleet("trigger", "orders")
    assert result.code == 1
    assert result.err == (
        "error: 'orders' cannot be triggered: orders.yaml has problems\n"
        "orders.yaml:2:1: tasks: no list\nhint: airfleet check\n"
    )


def test_a_param_that_the_dag_refuses(orders: FakeAirflow, airfleet: Airfleet) -> None:
    result = airfleet("trigger", "orders", "--param", "bad=3")
    assert result.code == 1
    assert result.err == ("error: 'orders' was not triggered: Invalid input for param bad: 3 is not of type 'string'\n")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--conf", "{"], "Invalid value for '--conf': not JSON"),
        (["--conf", "[1]"], "Invalid value for '--conf': a JSON object is needed"),
        (["--param", "x"], "Invalid value for '--param': 'x' is not key=value"),
        (["--date", "tomorrow"], "Invalid value for '--date': 'tomorrow' is not a date; write 2026-01-31"),
    ],
)
def test_a_wrong_argument_is_a_usage_error(argv: list[str], said: str, airfleet: Airfleet) -> None:
    result = airfleet("trigger", "orders", *argv)
    assert result.code == 2
    assert said in result.err


def test_a_second_run_of_a_logical_date_is_refused_in_words(orders: FakeAirflow, airfleet: Airfleet) -> None:
    assert airfleet("trigger", "orders", "--date", "2026-01-05").code == 0
    again = airfleet("trigger", "orders", "--date", "2026-01-05")
    assert again.code == 1
    assert again.err == ("error: 'orders' already has a run of 2026-01-05T00:00:00+00:00\nhint: airfleet why orders\n")
