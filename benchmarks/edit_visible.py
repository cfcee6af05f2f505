"""How long until Airflow knows of a file that was added, edited or deleted: airfleet beside Airflow alone.

    python benchmarks/edit_visible.py [--edits 20] [--stock-edits 5]

Time from the file's replacement to the row that the API and the scheduler read: the Dag is there with its serialized
form, shows the new description, or is marked stale. Airflow alone looks for new files every five minutes and rewrites a
Dag every 30 s at most, at its defaults, so it gets fewer edits, one new file and no deletion.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from measuring import report, spread
from systems.airflow import AirflowSystem
from systems.fleet import Pipelines
from systems.stock import Stock
from workloads import Workload, chain

from airfleet.drill.waiting import wait_until

PATIENCE_SECONDS = 420.0
POLL_SECONDS = 0.02
HEAD = ("", "add, s", "edit, s", "delete, s")
NOTES = "Median (least–most) of so many files as results/edit_visible.json says; from the file to the database's row."
YAML = """\
dag_id: {name}
description: "{text}"
schedule: null
tasks:
  - {{id: one, uses: bash, with: {{bash_command: "true"}}}}
"""
PYTHON = """\
from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("{name}", description="{text}", schedule=None):
    BashOperator(task_id="one", bash_command="true")
"""
_ROW = """
SELECT d.description, d.is_stale FROM dag d JOIN serialized_dag s ON s.dag_id = d.dag_id WHERE d.dag_id = %s"""


def main() -> None:
    """Measure both and report."""
    parser = argparse.ArgumentParser(description="How long until Airflow knows of a change.")
    parser.add_argument("--edits", type=int, default=20)
    parser.add_argument("--stock-edits", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        Path(scratch).chmod(0o755)  # embedded servers run as another user when we are root
        fleet, stock = Pipelines(Path(scratch, "fleet"), 1), Stock(Path(scratch, "stock"), 1)
        found = {
            "airfleet": measure(fleet, lambda: fleet.fleet.root / "pipelines", ".yaml", YAML, options.edits, 5, 5),
            "stock": measure(stock, lambda: stock.folder / "dags", ".py", PYTHON, options.stock_edits, 1, 0),
        }
    rows = [(name, *(_shown(of.get(kind)) for kind in ("add", "edit", "delete"))) for name, of in found.items()]
    report("edit_visible", found, HEAD, rows, NOTES)


def measure(
    system: AirflowSystem, folder: Callable[[], Path], suffix: str, text: str, edits: int, adds: int, deletes: int
) -> dict[str, Any]:
    """Edits of one file, then new files, of which some are deleted again."""
    taken: dict[str, list[float]] = {"add": [], "edit": [], "delete": []}
    try:
        system.start([Workload("first", "", chain(1))])
        with psycopg.connect(system.database_url(), autocommit=True) as db:

            def timed(kind: str, name: str, wanted: str | None) -> None:
                path = folder() / f"{name}{suffix}"
                began = time.perf_counter()
                _replace(path, text.format(name=name, text=wanted) if wanted is not None else None)
                wait_until(lambda: _is(db, name, wanted), PATIENCE_SECONDS, f"{kind} of {name}", POLL_SECONDS)
                taken[kind].append(time.perf_counter() - began)

            for number in range(adds):
                timed("add", f"added_{number}", "new")
            for number in range(edits):
                timed("edit", "added_0", f"edit {number}")
            for number in range(deletes):
                timed("delete", f"added_{number}", None)
    finally:
        system.stop()
    return {kind: {**spread(values), "seconds": values} for kind, values in taken.items() if values}


def _replace(path: Path, text: str | None) -> None:
    """At once, as editors do."""
    if text is None:
        path.unlink()
        return
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    os.replace(draft, path)


def _is(db: psycopg.Connection[Any], name: str, wanted: str | None) -> bool:
    row = db.execute(_ROW, (name,)).fetchone()
    if wanted is None:
        return row is None or bool(row[1])
    return row is not None and row[0] == wanted and not row[1]


def _shown(of: dict[str, Any] | None) -> str:
    return f"{of['median']:.2f} ({of['min']:.2f}–{of['max']:.2f})" if of else "not measured"


if __name__ == "__main__":
    main()
