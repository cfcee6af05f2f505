"""A thousand files of ten tasks each: until Airflow knows them all, and what it costs to have them, idle.

    python benchmarks/many_files.py [--files 1000] [--systems "airfleet_yaml airfleet stock"]

The files are written before the system starts. *known*: from the start of the system until the last of them is
serialized, so that it can be scheduled; of a system that needs longer than ``--patience`` the table says how many it
knew by then. Then it is left alone for ``--settle`` seconds and measured for ``--idle`` seconds. *CPU* is that of all
processes, in percent of one core; *memory* their PSS, where shared pages count once.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import measuring
import psycopg
from dag_files import HELPER, dag_ids, pipeline_files, python_files
from measuring import report
from systems import make
from systems.airflow import AirflowSystem
from systems.fleet import Pipelines, PythonDags
from systems.stock import Stock
from workloads import Workload, chain

HEAD = ("", "files", "known, s", "idle CPU, % of a core", "idle PSS, MB", "CPU of all until known, s")
NOTES = """\
Airflow alone reads every file again every 30 s at its defaults; a fleet reads a file when it changes, and all of them
every ten minutes."""
_KNOWN = "SELECT count(*) FROM serialized_dag"


def main() -> None:
    """Measure each system and report."""
    parser = argparse.ArgumentParser(description="A thousand files.")
    parser.add_argument("--systems", default="airfleet_yaml airfleet stock", help="which ones, with spaces between")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--patience", type=float, default=900, help="seconds until all files are known")
    parser.add_argument("--settle", type=float, default=60, help="seconds before idle use is measured")
    parser.add_argument("--idle", type=float, default=120, help="seconds for which it is measured")
    options = parser.parse_args()
    found = {name: measure(name, options) for name in options.systems.split()}
    rows = [
        (
            one["title"],
            str(one["known"]),
            f"{one['known_seconds']:.0f}" if one["known"] == options.files else f"> {options.patience:.0f}",
            f"{one['idle_cpu_percent']:.1f}",
            f"{one['idle_pss_mb']:.0f}",
            f"{one['cpu_seconds']:.0f}",
        )
        for one in found.values()
    ]
    report("many_files", {"files": options.files, "systems": found}, HEAD, rows, NOTES)


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One system, from its start to its rest."""
    workload = Workload("many", "files of ten tasks", chain(10), dags=options.files)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        Path(scratch).chmod(0o755)  # embedded servers run as another user when we are root
        system = make(name, Path(scratch), 2)
        assert isinstance(system, AirflowSystem), f"{name} reads no files"
        write(system, files(system, workload))
        began = time.monotonic()
        try:
            start(system)
            known = _until_known(system, len(dag_ids(workload)), began + options.patience)
            taken, used = time.monotonic() - began, measuring.cpu_seconds(system.pids())
            print(f"   {name}: {known} files after {taken:.0f} s", flush=True)
            return {
                "title": system.about.title,
                "known": known,
                "known_seconds": round(taken, 1),
                "cpu_seconds": round(used, 1),
                **_idle(system, options.settle, options.idle),
            }
        finally:
            system.stop()


def files(system: AirflowSystem, workload: Workload) -> Mapping[str, str]:
    """In the form that the system's people write."""
    return pipeline_files(workload) if isinstance(system, Pipelines) else python_files(workload)


def write(system: AirflowSystem, texts: Mapping[str, str]) -> None:
    """Put the files where the system looks."""
    if isinstance(system, PythonDags):
        for name, text in texts.items():
            system.fleet.write(f"pipelines/{name}", text)
        return
    dags = system.folder / "dags"
    dags.mkdir(parents=True)
    for name, text in {HELPER.name: HELPER.read_text(), **texts}.items():
        (dags / name).write_text(text)


def start(system: AirflowSystem) -> None:
    """Start it as it stands."""
    if isinstance(system, PythonDags):
        system.fleet.start()
    elif isinstance(system, Stock):
        system.stock.start()


def _until_known(system: AirflowSystem, wanted: int, patient_until: float) -> int:
    known = 0
    with psycopg.connect(system.database_url(), autocommit=True) as db:
        while known < wanted and time.monotonic() < patient_until:
            time.sleep(0.5)
            row = db.execute(_KNOWN).fetchone()
            known = int(row[0]) if row else 0
    return known


def _idle(system: AirflowSystem, settle_seconds: float, idle_seconds: float) -> dict[str, float]:
    time.sleep(settle_seconds)
    before, began = measuring.cpu_seconds(system.pids()), time.monotonic()
    time.sleep(idle_seconds)
    pids = system.pids()
    used = measuring.cpu_seconds(pids) - before
    return {
        "idle_cpu_percent": round(100 * used / (time.monotonic() - began), 2),
        "idle_pss_mb": round(measuring.pss_mb(pids), 1),
    }


if __name__ == "__main__":
    main()
