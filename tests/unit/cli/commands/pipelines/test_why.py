"""``why``: the verdict on a run, from facts alone and through the API."""

from __future__ import annotations

import json

import pytest

from airfleet.client.project import Project
from support.command_line import Airfleet
from support.fake_airflow import FakeAirflow, dag, run, task
from support.task_logs import LOG, message


@pytest.fixture
def failed(airflow: FakeAirflow) -> FakeAirflow:
    airflow.dags = {"orders": dag("orders")}
    airflow.tasks = {"orders": {"extract": ["load"], "load": []}}
    airflow.runs = [
        run("orders", "old", "success", run_after="2026-01-01T00:00:00Z", duration=2.0, end_date="x"),
        run("orders", state="failed", duration=4.0, end_date="2026-01-31T06:00:04Z"),
    ]
    airflow.instances = [
        task("orders", "load", "upstream_failed"),
        task("orders", "extract", "failed", duration=3.0, end_date="2026-01-31T06:00:03Z"),
    ]
    airflow.logs = {"extract": LOG}
    return airflow


def test_why_tells_the_latest_run_with_log_cause_and_next_command(
    failed: FakeAirflow, airfleet: Airfleet, project: Project
) -> None:
    attempts = project.paths.task_logs / "dag_id=orders" / "run_id=manual__1" / "task_id=extract"
    attempts.mkdir(parents=True)
    (attempts / "attempt=1.log").write_text("")
    result = airfleet("why", "orders")
    assert result.code == 0
    assert result.out == (
        "run manual__1 of 'orders' failed after 4.0s\n"
        "\n"
        "✗ task 'extract' failed after 3.0s; because of it task 'load' did not run\n"
        "    06:00:01 reading in.csv\n"
        "    06:00:01 of today\n"
        "    06:00:01 ERROR Task failed with exception\n"
        "  ModuleNotFoundError: No module named 'pandas'\n"
        "    at /shop/shop/steps.py:12 in load\n"
        "  likely cause: the worker has no Python module 'pandas'\n"
        "  what helps:   install it into the fleet's environment, or put it beside pipelines/ in the project\n"
        f"  its whole log: {attempts / 'attempt=1.log'}\n"
        "\n"
        "next: airfleet trigger orders --wait\n"
    )


def test_a_log_on_this_machine_is_read_from_its_end_and_no_api_is_asked_for_it(
    failed: FakeAirflow, airfleet: Airfleet, project: Project
) -> None:
    file = project.paths.task_logs / "dag_id=orders" / "run_id=manual__1" / "task_id=extract" / "attempt=1.log"
    file.parent.mkdir(parents=True)
    with file.open("w") as log:
        log.seek(20 * 2**30)  # most of it is a hole: whoever reads it all needs 20 GB
        log.write("\n" + "".join(json.dumps(entry) + "\n" for entry in LOG))
    result = airfleet("why", "orders")
    assert "likely cause: the worker has no Python module 'pandas'" in result.out
    assert not [path for _, path, _ in failed.requests if "/logs/" in path]


def test_a_log_elsewhere_is_streamed(failed: FakeAirflow, airfleet: Airfleet) -> None:
    failed.logs["extract"] = [message(f"line {number}" + "x" * 100) for number in range(20_000)] + LOG
    result = airfleet("why", "orders")
    assert "likely cause: the worker has no Python module 'pandas'" in result.out
    assert "could be read in time" not in result.out


NO_DAG = [message("Dag not found during start up", level="error", path="fresh.yaml"), message("Rescheduling task")]


def test_a_task_whose_dag_is_not_on_the_worker_yet_is_no_sensor(failed: FakeAirflow, airfleet: Airfleet) -> None:
    failed.runs = [run("orders")]
    failed.instances = [task("orders", "extract", "up_for_reschedule", hostname="work1.3fa80c12")]
    failed.logs = {"extract": NO_DAG}
    result = airfleet("why", "orders")
    assert (
        "task 'extract' waits: host 'work1' has no pipelines/fresh.yaml, or that file is another one there and has not "
        "got the Dag\n  what helps:   bring the file there: the worker looks again each minute"
    ) in result.out


def test_a_task_that_failed_because_its_dag_never_came_says_so(failed: FakeAirflow, airfleet: Airfleet) -> None:
    failed.instances = [task("orders", "extract", "failed", hostname="work1.3fa80c12")]
    failed.logs = {"extract": [NO_DAG[0], message("Startup reschedule limit exceeded", level="error")]}
    assert "likely cause: host 'work1' has no pipelines/fresh.yaml" in airfleet("why", "orders").out


def test_why_as_json(failed: FakeAirflow, airfleet: Airfleet) -> None:
    data = json.loads(airfleet("why", "orders", "manual__1", "-o", "json").out)
    assert (data["run_id"], data["state"], data["findings"][0]["kind"]) == ("manual__1", "failed", "failed")
    assert data["findings"][0]["tasks"] == ["extract"]


def test_why_of_a_named_run(failed: FakeAirflow, airfleet: Airfleet) -> None:
    assert airfleet("why", "orders", "old").out == "run old of 'orders' succeeded after 2.0s\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["ordres"], "error: no Dag named 'ordres'\nhint: did you mean 'orders'?\n"),
        (["orders", "manual__2"], "error: Dag 'orders' has no run 'manual__2'\nhint: did you mean 'manual__1'?\n"),
        (["orders", "x"], "error: Dag 'orders' has no run 'x'\nhint: the latest is manual__1\n"),
    ],
)
def test_why_of_what_is_not_there(argv: list[str], said: str, failed: FakeAirflow, airfleet: Airfleet) -> None:
    result = airfleet("why", *argv)
    assert (result.code, result.out, result.err) == (1, "", said)


def test_a_log_that_is_gone_does_not_hide_the_failure(failed: FakeAirflow, airfleet: Airfleet) -> None:
    failed.logs = {}
    out = airfleet("why", "orders").out
    assert "✗ task 'extract' failed after 3.0s" in out
    assert "    (its log cannot be read: TaskInstance not found)\n" in out


def test_why_of_a_waiting_run_compares_with_fleet_yaml(
    failed: FakeAirflow, airfleet: Airfleet, project: Project
) -> None:
    project.fleet_file.write_text("name: shop\nworkers: [{name: w, queues: [a, b], slots: 2}]\n")
    failed.runs[1] |= {"state": "running", "duration": None, "end_date": None}
    failed.instances = [task("orders", "extract", "queued", queue="gpu"), task("orders", "load", None)]
    out = airfleet("why", "orders").out
    assert "· task 'extract' waits: no worker listens to the queue 'gpu' (workers listen to a, b)\n" in out
    assert "· task 'load' waits for tasks before it ('load' for 'extract')\n" in out


def test_why_without_a_running_fleet(project: Project, airfleet: Airfleet) -> None:
    result = airfleet("why", "orders")
    assert result.code == 1
    assert result.err == f"error: the fleet in {project.root} is not running\nhint: airfleet up\n"
