"""Memory of running tasks: eight that sleep in eight slots, airfleet beside Airflow alone.

    python benchmarks/memory.py [--systems "airfleet stock"] [--tasks 8]

What the columns mean is in :mod:`memory_table`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import measuring
import memory_table
import psycopg
from measuring import report
from systems import make
from systems.airflow import AirflowSystem
from workloads import Workload, no_structure

from airfleet.drill.waiting import wait_until

START_SECONDS = 120.0
#: how Airflow titles the process of a task, and the one that watches it
TITLES = ("airflow worker -- ", "airflow supervisor: ")


def main() -> None:
    """Measure each system and report."""
    parser = argparse.ArgumentParser(description="Memory of running tasks.")
    parser.add_argument("--systems", default="airfleet airfleet_yaml stock", help="which ones, with spaces between")
    parser.add_argument("--tasks", type=int, default=8, help="tasks, and slots")
    parser.add_argument("--settle", type=float, default=30, help="seconds before idle memory is read")
    parser.add_argument("--sleep", type=float, default=60, help="seconds that each task sleeps")
    options = parser.parse_args()
    found = {name: measure(name, options) for name in options.systems.split()}
    report(
        "memory",
        {"tasks": options.tasks, "systems": found},
        memory_table.HEAD,
        memory_table.rows(found),
        memory_table.NOTES,
    )


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Idle, then with every slot taken."""
    warm = Workload("warm", "no-ops", no_structure(2 * options.tasks))
    sleep = Workload("asleep", "sleeping tasks", no_structure(options.tasks), "sleep", options.sleep)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        Path(scratch).chmod(0o755)  # embedded servers run as another user when we are root
        system = make(name, Path(scratch), options.tasks)
        if not isinstance(system, AirflowSystem):
            sys.exit(f"{name} has no worker whose memory could be told from the rest")
        try:
            system.start([warm, sleep])
            system.run(warm, f"warm-{os.getpid()}")
            time.sleep(options.settle)
            idle = _pss(system)
            running = _while_asleep(system, sleep, options.settle / 3)
        finally:
            system.stop()
    print(f"{name}: idle {idle[0]:.0f} MB, with {options.tasks} tasks {running[0]:.0f} MB", flush=True)
    return {
        "title": system.about.title,
        "idle_mb": round(idle[0], 1),
        "running_mb": round(running[0], 1),
        "worker_idle_mb": round(idle[1], 1),
        "worker_mb": round(running[1], 1),
        "task_mb": round(running[2] / options.tasks, 1),
        "per_task_mb": round(running[1] / options.tasks, 1),
        "more_per_task_mb": round((running[0] - idle[0]) / options.tasks, 1),
    }


def _while_asleep(system: AirflowSystem, workload: Workload, settle_seconds: float) -> tuple[float, float, float]:
    label = f"asleep-{os.getpid()}"
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(system.run, workload, label)
        wait_until(
            lambda: run.done() or _running(system, label) == workload.tasks, START_SECONDS, "all tasks run at once"
        )
        time.sleep(settle_seconds)
        if _running(system, label) != workload.tasks:
            sys.exit("the tasks ended before their memory could be read: --sleep more seconds")
        taken = _pss(system)
        run.result()
    return taken


def _pss(system: AirflowSystem) -> tuple[float, float, float]:
    """Of all processes, of the worker's, and of those that there are for tasks, in MB."""
    worker = measuring.tree(system.worker())
    return (
        measuring.pss_mb(system.pids()),
        measuring.pss_mb(worker),
        measuring.pss_mb(pid for pid in worker if _title(pid).startswith(TITLES)),
    )


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _running(system: AirflowSystem, label: str) -> int:
    with psycopg.connect(system.database_url()) as db:
        question = "SELECT count(*) FROM task_instance WHERE run_id LIKE %s AND state = 'running'"
        row = db.execute(question, (f"{label}-%",)).fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    main()
