"""Hours of a steady load with much history: does anything grow?

    PYTHONPATH=tests python benchmarks/soak.py [--minutes 60] [--rate 5] [--finished 100000] [--systems airfleet]

First so many finished runs, each with its task, are written into the database. Then a run of ``--rate`` no-op tasks is
asked for every second. Each minute says: the time from a request until the scheduler has queued the run's tasks (what
one of its loops takes, seen from outside), CPU per task of all processes, memory of all processes and of the scheduler,
and how many tasks wait. At the end a line of least squares through each says whether it grows: *flat* is less than a
tenth of its median over the whole time, the first minutes left out. The exit code is 1 when something grows, when the
load is not kept up with, or when a task did not run exactly once.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import measuring
import psycopg
from figures import percentile, slope_per_hour
from measuring import report
from psycopg import sql
from systems import make
from systems.airflow import AirflowSystem
from witness import require_each_once
from workloads import Workload, no_structure

from airfleet.drill.waiting import wait_until

#: so much of a value's median may it grow over the whole time and still be called flat
FLAT = 0.1
#: share of the samples at the beginning that are left out
WARM_UP = 0.1
#: tasks that may wait at the end of a minute: those of so many seconds
KEEPS_UP_SECONDS = 10.0
GROWING = ("queued_after_p50_s", "cpu_ms_per_task", "pss_mb", "scheduler_pss_mb")
HEAD = ("", "first", "median", "last", "growth over the time", "")
NOTES = (
    "Time from a request to queued tasks, CPU per task and PSS, read each minute; growth is a line of least squares."
)


@dataclass(frozen=True)
class Sample:
    """What was seen at the end of one minute."""

    at_s: float
    queued_after_p50_s: float
    queued_after_p99_s: float
    cpu_ms_per_task: float
    pss_mb: float
    scheduler_pss_mb: float
    waiting: int


def main() -> int:
    """Run it; 0 when everything is flat."""
    options = arguments()
    found = {name: soak(name, options) for name in options.systems.split()}
    rows = [(f"{name}: {key}", *_shown(one)) for name, of in found.items() for key, one in of["growth"].items()]
    given = {key: value for key, value in vars(options).items() if key != "systems"}
    report("soak", {**given, "systems": found}, HEAD, rows, NOTES)
    good = all(of["keeps_up"] and all(one["flat"] for one in of["growth"].values()) for of in found.values())
    return 0 if good else 1


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Does anything grow under a steady load?")
    parser.add_argument("--systems", default="airfleet", help="which ones, with spaces between")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=5, help="tasks a second")
    parser.add_argument("--finished", type=int, default=100_000, help="runs in the database before")
    parser.add_argument("--sample", type=float, default=60, help="seconds between two samples")
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def soak(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One system: history, load, samples, verdicts."""
    workload = Workload("soak", "no-ops", no_structure(options.rate))
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        Path(scratch).chmod(0o755)  # embedded servers run as another user when we are root
        system = make(name, Path(scratch), options.slots)
        if not isinstance(system, AirflowSystem):
            sys.exit(f"{name} is not an Airflow")
        try:
            system.start([workload])
            system.run(workload, f"model-{os.getpid()}")
            write_history(system.database_url(), options.finished)
            samples = list(load(system, workload, options))
        finally:
            system.stop()
    growth = {key: growth_of([(one.at_s, getattr(one, key)) for one in samples]) for key in GROWING}
    keeps_up = all(one.waiting <= options.rate * KEEPS_UP_SECONDS for one in samples)
    return {"growth": growth, "keeps_up": keeps_up, "samples": [asdict(one) for one in samples]}


def load(system: AirflowSystem, workload: Workload, options: argparse.Namespace) -> Iterator[Sample]:
    """Ask for a run every second; a sample each ``--sample`` seconds, and at the end see that all was done once."""
    system.ledger.skip()
    label, began = f"soak-{os.getpid()}", time.monotonic()
    used, asked, sampled = measuring.cpu_seconds(system.pids()), 0, 0
    seconds = int(options.minutes * 60)
    for second in range(1, seconds + 1):
        run_id = f"{label}-{second}"
        system.api().post(
            "dags", workload.name, "dagRuns", body={"logical_date": None, "dag_run_id": run_id}, repeatable=False
        )
        asked += 1
        if asked % options.sample == 0 or second == seconds:
            now = measuring.cpu_seconds(system.pids())
            yield _sample(system, label, time.monotonic() - began, (now - used) / (options.rate * (asked - sampled)))
            used, sampled = now, asked
        time.sleep(max(0.0, began + second - time.monotonic()))
    wait_until(lambda: _waiting(system, label) == 0, 120 + seconds, "every task has ended", pause_seconds=1.0)
    require_each_once(Workload(workload.name, "", workload.graph, runs=asked), system.ledger.executions())


def write_history(url: str, runs: int) -> None:
    """So many copies of a finished run and one of its tasks, one every second into the past."""
    with psycopg.connect(url) as db:
        for table, order in (("dag_run", "id"), ("task_instance", "task_id")):
            changed = {**_COPIED, **_OWN_KEY[table]}
            names = _columns(db, table) - ({"id"} if table == "dag_run" else set())
            listed = sorted(names)
            values = [sql.SQL(changed[name]) if name in changed else sql.Identifier(name) for name in listed]
            statement = sql.SQL(
                "INSERT INTO {table} ({names}) SELECT {values} FROM"
                " (SELECT * FROM {table} WHERE run_id LIKE 'model-%%' ORDER BY {order} LIMIT 1) AS model,"
                " generate_series(1, %s) AS n"
            ).format(
                table=sql.Identifier(table),
                names=sql.SQL(", ").join(map(sql.Identifier, listed)),
                values=sql.SQL(", ").join(values),
                order=sql.Identifier(order),
            )
            db.execute(statement, (runs,))
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ANALYZE")


#: a column of a copy that differs from the model's
_COPIED = {
    "run_id": "'old-' || n",
    "start_date": "start_date - n * interval '1 second'",
    "end_date": "end_date - n * interval '1 second'",
}
_OWN_KEY: Mapping[str, Mapping[str, str]] = {
    "dag_run": {
        "queued_at": "queued_at - n * interval '1 second'",
        "run_after": "run_after - n * interval '1 second'",
    },
    "task_instance": {"id": "gen_random_uuid()", "external_executor_id": "NULL"},
}


def growth_of(points: Sequence[tuple[float, float]]) -> dict[str, float | bool]:
    """First, median and last value, how much it grows over the whole time, and whether that is flat."""
    kept = points[int(len(points) * WARM_UP) :]
    values = [value for _, value in kept]
    hours = (kept[-1][0] - kept[0][0]) / 3600
    grown, middle = slope_per_hour(kept) * hours, statistics.median(values)
    return {
        "first": values[0],
        "median": middle,
        "last": values[-1],
        "growth": grown,
        "flat": grown <= FLAT * middle,
    }


def _sample(system: AirflowSystem, label: str, at: float, cpu_seconds_per_task: float) -> Sample:
    with psycopg.connect(system.database_url()) as db:
        rows = db.execute(_QUEUED_AFTER, (f"{label}-%",)).fetchall()
    after = [float(row[0]) for row in rows]
    sample = Sample(
        at_s=round(at, 1),
        queued_after_p50_s=round(percentile(after, 50) or 0.0, 4),
        queued_after_p99_s=round(percentile(after, 99) or 0.0, 4),
        cpu_ms_per_task=round(1000 * cpu_seconds_per_task, 2),
        pss_mb=round(measuring.pss_mb(system.pids()), 1),
        scheduler_pss_mb=round(measuring.pss_mb(measuring.tree(system.scheduler())), 1),
        waiting=_waiting(system, label),
    )
    print(json.dumps(asdict(sample)), flush=True)
    return sample


#: of the runs of the last minute
_QUEUED_AFTER = """
SELECT extract(epoch FROM min(t.queued_dttm) - r.queued_at)::float8
FROM dag_run r JOIN task_instance t USING (dag_id, run_id)
WHERE r.run_id LIKE %s AND r.queued_at > now() - interval '60 seconds' AND t.queued_dttm IS NOT NULL
GROUP BY r.id, r.queued_at"""


def _waiting(system: AirflowSystem, label: str) -> int:
    with psycopg.connect(system.database_url()) as db:
        question = (
            "SELECT count(*) FROM dag_run r JOIN task_instance t USING (dag_id, run_id) WHERE r.run_id LIKE %s"
            " AND r.state IN ('queued', 'running') AND (t.state IS NULL OR t.state NOT IN ('success', 'failed'))"
        )
        row = db.execute(question, (f"{label}-%",)).fetchone()
    return int(row[0]) if row else 0


def _columns(db: psycopg.Connection[Any], table: str) -> set[str]:
    rows = db.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", (table,)).fetchall()
    return {str(row[0]) for row in rows}


def _shown(one: Mapping[str, float | bool]) -> tuple[str, ...]:
    return *(f"{one[key]:.3g}" for key in ("first", "median", "last", "growth")), "flat" if one["flat"] else "GROWS"


if __name__ == "__main__":
    sys.exit(main())
