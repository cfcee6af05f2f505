"""Idle memory of a fleet with everything in the profile ``small``, by component, and its servers among them.

    PYTHONPATH=tests python benchmarks/small_box.py [--slots 1]

A fleet runs one small pipeline, and is measured when its triggerer, its dag-processor and Flower sleep. So it is again
with all of them kept awake. The columns are explained in :mod:`small_box_table`.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import small_box_table
from measuring import report

from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from support.pipelines import HELLO

FLEET = "name: small\nprofile: small\nworkers: [{{slots: {slots}}}]\n{more}"
SLEEPS, AWAKE = "flower: true\n", "flower: {awake: true}\ntriggerer: {awake: true}\ndag_processor: {awake: true}\n"
KINDS = ("triggerer", "dag-processor", "flower")
ASLEEP_SECONDS = 180.0


def main() -> None:
    """Measure both and report."""
    parser = argparse.ArgumentParser(description="Idle memory of a small fleet, by component.")
    parser.add_argument("--slots", type=int, default=1, help="slots of its worker")
    options = parser.parse_args()
    found = {
        "sleeping": measure(FLEET.format(slots=options.slots, more=SLEEPS), asleep=True),
        "awake": measure(FLEET.format(slots=options.slots, more=AWAKE), asleep=False),
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


def _states(fleet: FleetUnderTest) -> set[str]:
    return {str(one.state) for one in fleet.snapshot().components if one.kind in KINDS}


if __name__ == "__main__":
    main()
