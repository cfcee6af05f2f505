"""Idle memory of a fleet with everything in the profile ``small``, by component, beside Airflow alone.

    PYTHONPATH=tests python benchmarks/small_box.py [--slots 1]

A fleet has two small pipelines, and is measured when its triggerer, its dag-processor and Flower sleep. So it is again
with all of them kept awake. Runs of a task that defers tell in both how long it takes. Airflow alone runs the same task
on the same servers with as many slots, and with the settings of the profile. The columns are explained in
:mod:`small_box_table`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import measuring
import small_box_table
from measuring import report

from airfleet.drill.waiting import wait_until
from airfleet.fleet.components.postgres import SETTINGS
from airfleet.fleet.planning.profiles import SMALL
from airfleet.testing.fleet import FleetUnderTest
from airfleet.testing.servers import Servers
from faultlab.systems.stock_airflow import StockAirflow
from support.pipelines import HELLO

FLEET = "name: small\nprofile: small\nworkers: [{{slots: {slots}}}]\n{more}"
SLEEPS, AWAKE = "flower: true\n", "flower: {awake: true}\ntriggerer: {awake: true}\ndag_processor: {awake: true}\n"
KINDS = ("triggerer", "dag-processor", "flower")
ASLEEP_SECONDS, RUN_SECONDS = 180.0, 60.0
#: a task that waits in the triggerer, and how often it does
DEFERS = """\
dag_id: defers
tasks:
  - id: wait
    uses: airflow.providers.standard.sensors.time_delta.WaitSensor
    with: {time_to_wait: 1s, deferrable: true}
"""
DEFERRED_RUNS = 7
#: as long as the parts of a fleet may take until they sleep
STOCK_SETTLE_SECONDS = 30.0
STOCK_DAG = """
from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("hello", schedule=None):
    BashOperator(task_id="say", bash_command="echo good day")
"""


def main() -> None:
    """Measure both and report."""
    parser = argparse.ArgumentParser(description="Idle memory of a small fleet, by component.")
    parser.add_argument("--slots", type=int, default=1, help="slots of its worker")
    options = parser.parse_args()
    sleeping, deferred_asleep = measure(FLEET.format(slots=options.slots, more=SLEEPS), asleep=True)
    awake, deferred_awake = measure(FLEET.format(slots=options.slots, more=AWAKE), asleep=False)
    found = {"sleeping": sleeping, "awake": awake, "stock": measure_stock(options.slots)}
    deferred = {"sleeping": deferred_asleep, "awake": deferred_awake}
    rows, notes = small_box_table.rows(found), small_box_table.notes(deferred)
    report("small_box", {"slots": options.slots, **found, "deferred": deferred}, small_box_table.HEAD, rows, notes)


def measure(fleet_yaml: str, *, asleep: bool) -> tuple[dict[str, Any], float]:
    """Return the PSS of each component in MB, 0 for one that sleeps, and the seconds of a task that defers."""
    files = {"pipelines/hello.yaml": HELLO, "pipelines/defers.yaml": DEFERS}
    with FleetUnderTest.make(fleet_yaml, files) as fleet:
        fleet.start()
        fleet.wait_for_dag("hello")
        if asleep:
            wait_until(lambda: _states(fleet) == {"sleeping"}, ASLEEP_SECONDS, "all that may sleep do")
        told = json.loads(fleet.airfleet("status", "--memory", "-o", "json").stdout)
        seconds = [_deferred_seconds(fleet, asleep=asleep) for _ in range(DEFERRED_RUNS)]
    memory = {one["name"]: round(one["memory_mb"] or 0.0, 1) for one in told["components"] if one["kind"] != "migrate"}
    return memory, round(statistics.median(seconds), 2)


def _deferred_seconds(fleet: FleetUnderTest, *, asleep: bool) -> float:
    """Return the seconds from the start to the end of a task that waits one second in the triggerer."""
    if asleep:
        wait_until(lambda: str(fleet.component("triggerer").state) == "sleeping", ASLEEP_SECONDS, "it sleeps")
    run = fleet.trigger("defers")
    assert fleet.wait_for_run("defers", run, RUN_SECONDS) == "success"
    [task] = fleet.api.get("dags", "defers", "dagRuns", run, "taskInstances")["task_instances"]
    began, ended = (dt.datetime.fromisoformat(task[moment]) for moment in ("start_date", "end_date"))
    return (ended - began).total_seconds()


def measure_stock(slots: int) -> dict[str, Any]:
    """Return the PSS of each component of Airflow alone in MB."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # servers run as another user when we are root
        (folder / "dags").mkdir()
        (folder / "dags" / "hello.py").write_text(STOCK_DAG)
        with Servers(folder / "servers", postgres={**SETTINGS, **SMALL.postgres}) as servers:
            stock = StockAirflow(
                folder / "airflow",
                dags=folder / "dags",
                settings={**SMALL.airflow, "celery": {"result_backend": servers.broker(1)}},
                slots=slots,
                environ={"MALLOC_ARENA_MAX": "2"},
                given_servers=servers,
            )
            with stock:
                stock.wait_for_dag("hello")
                assert stock.wait_for_run("hello", stock.trigger("hello")) == "success"
                time.sleep(STOCK_SETTLE_SECONDS)
                found = {name: measuring.pss_mb(measuring.tree(stock.component(name))) for name in stock.components}
                valkey = [pid for pid in servers.pids() if "valkey" in Path(f"/proc/{pid}/cmdline").read_text()]
                postgres = set(servers.pids()) - set(valkey)
                found |= {"postgres": measuring.pss_mb(postgres), "valkey": measuring.pss_mb(valkey)}
    return {name: round(size, 1) for name, size in found.items()}


def _states(fleet: FleetUnderTest) -> set[str]:
    return {str(one.state) for one in fleet.snapshot().components if one.kind in KINDS}


if __name__ == "__main__":
    main()
