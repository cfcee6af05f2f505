"""The end of a run in a line, its tasks as data, and what is said of a run that is not over in time."""

from __future__ import annotations

from typing import Any

import pytest

from airfleet.cli.queries import run_watcher
from airfleet.client.api_client import Api
from airfleet.errors import WaitTimedOut
from support import fake_airflow
from support.fake_airflow import FakeAirflow, dag, run, task


@pytest.mark.parametrize(
    ("ended", "failed", "sentence"),
    [
        (run("orders", state="success"), [], "run {} of 'orders' succeeded"),
        (run("orders", state="failed"), ["load"], "run {} of 'orders' failed; 1 task failed"),
        (run("orders", state="failed"), ["load", "report"], "run {} of 'orders' failed; 2 tasks failed"),
        (run("orders", state="failed"), [], "run {} of 'orders' failed; 0 tasks failed"),
    ],
)
def test_the_end_of_a_run_is_one_line(ended: dict[str, Any], failed: list[str], sentence: str) -> None:
    instances = [task("orders", name, "failed") for name in failed]
    said = run_watcher.sentence(ended | {"duration": None, "start_date": None}, instances)
    assert said == sentence.format(ended["dag_run_id"])


def test_a_task_that_has_no_state_yet_waits() -> None:
    [row] = run_watcher.rows([task("orders", "load", None)])
    assert (row["task"], row["state"], row["seconds"], row["host"]) == ("load", "waiting", None, "")


@pytest.fixture
def api() -> Any:
    """An api-server with a run of seven tasks, of which one has ended."""
    fake = FakeAirflow()
    names = [f"t{number}" for number in range(7)]
    fake.dags = {"orders": dag("orders")}
    fake.runs = [run("orders", run_id="r1", state="running")]
    fake.tasks = {"orders": {name: [] for name in names}}
    fake.instances = [task("orders", name, "success" if name == "t0" else "queued", run_id="r1") for name in names]
    with fake_airflow.serving(fake):
        yield Api(fake.url, fake_airflow.USER, fake_airflow.PASSWORD)


def test_a_run_that_is_not_over_in_time_goes_on_and_its_open_tasks_are_named(api: Api) -> None:
    with pytest.raises(WaitTimedOut) as raised:
        run_watcher.watch(api, "orders", "r1", timeout=0.0)
    assert str(raised.value) == (
        "run r1 of 'orders' was not over within 0.0s; it goes on: t1, t2, t3, t4, t5 and 1 more\n"
        "hint: airfleet why orders r1"
    )
