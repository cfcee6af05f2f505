"""Idle memory of a fleet with everything in the profile ``small``, by component, beside Airflow alone.

    PYTHONPATH=tests python benchmarks/small_box.py [--slots 1]

A fleet runs one small pipeline, and is measured when its triggerer, its dag-processor and Flower sleep. So it is again
with all of them kept awake. Airflow alone runs the same task on the same servers with as many slots, and with the
settings of the profile. The columns are explained in :mod:`small_box_table`.
"""

from __future__ import annotations

import argparse
import json
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
ASLEEP_SECONDS = 180.0
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
    found = {
        "sleeping": measure(FLEET.format(slots=options.slots, more=SLEEPS), asleep=True),
        "awake": measure(FLEET.format(slots=options.slots, more=AWAKE), asleep=False),
        "stock": measure_stock(options.slots),
    }
    rows = small_box_table.rows(found)
    report("small_box", {"slots": options.slots, **found}, small_box_table.HEAD, rows, small_box_table.NOTES)


def measure(fleet_yaml: str, *, asleep: bool) -> dict[str, Any]:
    """Return the PSS of each component in MB, 0 for one that sleeps."""
    with FleetUnderTest.make(fleet_yaml, {"pipelines/hello.yaml": HELLO}) as fleet:
        fleet.start()
        fleet.wait_for_dag("hello")
        if asleep:
            wait_until(lambda: _states(fleet) == {"sleeping"}, ASLEEP_SECONDS, "all that may sleep do")
        told = json.loads(fleet.airfleet("status", "--memory", "-o", "json").stdout)
    return {one["name"]: round(one["memory_mb"] or 0.0, 1) for one in told["components"] if one["kind"] != "migrate"}


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
