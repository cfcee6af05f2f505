"""Start to healthy and idle use of a whole fleet, beside stock ``airflow standalone`` in the same run.

    python benchmarks/start_and_idle.py [--repeats 3] [--settle 60] [--idle 60]

Both come from the environment of the Python that runs this. Both are started once unmeasured, so that the
database is there and migrated; then each is started ``--repeats`` times. After the last start it is left alone
for ``--settle`` seconds and measured for ``--idle`` seconds.

*Healthy*: for airfleet, ``airfleet up -d --wait`` has returned, that is: every component has its heartbeat, the worker
takes tasks, and the API has answered a first request of a task. For stock: the health endpoint says healthy for the
database, scheduler, triggerer and dag-processor, each with a heartbeat newer than the start.

*Memory* is PSS of every process, where shared pages count once. *CPU* is that of every process, in percent of one core.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import measuring
from measuring import report, spread

from airfleet.agent.host import machine_memory
from airfleet.fleet.config.spec import local_host
from airfleet.fleet.planning import worker_slots

BIN = Path(sys.executable).parent
START_SECONDS = 300.0
STOCK_DAG = """
from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("hello", schedule=None):
    BashOperator(task_id="look", bash_command="date")
"""
NOTES = """\
airfleet: PostgreSQL and Valkey included, Celery worker with a process per task, every process owned by the agent.
stock: `airflow standalone`, with SQLite instead of a database server and LocalExecutor instead of Celery: no broker, no
worker that could be on another machine. LocalExecutor forks a process for each slot when it starts: 32 by default
(`[core] parallelism`), as many as airfleet has slots in the row beside it. Each start of `standalone` migrates the
database and sees to its user in processes of their own, as airfleet does. One small Dag each."""


def main() -> None:
    """Measure both and report."""
    parser = argparse.ArgumentParser(description="Start to healthy and idle use, beside stock Airflow.")
    parser.add_argument("--repeats", type=int, default=3, help="starts of each")
    parser.add_argument("--settle", type=float, default=60, help="seconds before idle use is measured")
    parser.add_argument("--idle", type=float, default=60, help="seconds for which it is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="af-bench-") as scratch:
        cores, memory_bytes = len(os.sched_getaffinity(0)), machine_memory.usable_bytes()
        slots = worker_slots.on_all([local_host()], cores, memory_bytes)
        figures = {
            "airfleet": measure(Airfleet(Path(scratch)), options),
            "stock": measure(Stock(Path(scratch, "stock")), options),
            "stock_same_slots": measure(Stock(Path(scratch, "same-slots"), slots), options),
        }
    rows = [
        (
            name,
            f"{of['start_seconds']['median']:.1f} ({of['start_seconds']['min']:.1f}-{of['start_seconds']['max']:.1f})",
            f"{of['idle_pss_mb']:.0f}",
            str(of["processes"]),
            f"{of['idle_cpu_percent']:.1f}",
        )
        for name, of in figures.items()
    ]
    head = ("", "start to healthy, s", "idle PSS, MB", "processes", "idle CPU, % of a core")
    report(
        "start_and_idle",
        {"slots": slots, "settle_seconds": options.settle, "idle_seconds": options.idle, **figures},
        head,
        rows,
        NOTES,
    )


def measure(system: Airfleet | Stock, options: argparse.Namespace) -> dict[str, Any]:
    """Starts, then idle use after the last one."""
    system.start()
    system.stop()
    taken: list[float] = []
    for number in range(options.repeats):
        if number:
            system.stop()
        began = time.perf_counter()
        root = system.start()
        taken.append(time.perf_counter() - began)
        print(f"{type(system).__name__.lower()}: healthy after {taken[-1]:.1f} s", flush=True)
    try:
        return {"start_seconds": spread(taken), **idle(root, options.settle, options.idle)}
    finally:
        system.stop()


def idle(root: int, settle_seconds: float, idle_seconds: float) -> dict[str, Any]:
    """What the processes under ``root`` use when nothing is to be done."""
    time.sleep(settle_seconds)
    before, began = measuring.cpu_seconds(measuring.tree(root)), time.perf_counter()
    time.sleep(idle_seconds)
    processes = measuring.tree(root)
    used = measuring.cpu_seconds(processes) - before
    return {
        "idle_pss_mb": round(measuring.pss_mb(processes), 1),
        "idle_cpu_percent": round(100 * used / (time.perf_counter() - began), 2),
        "processes": len(processes),
    }


class Airfleet:
    """A fleet in a folder of its own, as ``airfleet init`` makes it."""

    def __init__(self, scratch: Path) -> None:
        self._project = scratch / "fleet"
        self._environ = _clean_environment()
        self._run("init", str(self._project))

    def start(self) -> int:
        """Start it, wait until it is healthy; the agent's pid, which is the parent of everything."""
        self._run("--project", str(self._project), "up", "-d", "--wait", "--timeout", f"{START_SECONDS:.0f}s")
        status = self._run("--project", str(self._project), "status", "-o", "json")
        return int(json.loads(status)["pid"])

    def stop(self) -> None:
        """Stop it and wait until nothing of it is left."""
        self._run("--project", str(self._project), "down")

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [BIN / "airfleet", *arguments], env=self._environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"airfleet {' '.join(arguments)} failed:\n{done.stderr}")
        return done.stdout


class Stock:
    """``airflow standalone`` in a home of its own; with so many slots, or as many as it has by default."""

    def __init__(self, home: Path, slots: int | None = None) -> None:
        self._home = home
        self._slots = {} if slots is None else {"AIRFLOW__CORE__PARALLELISM": str(slots)}
        (self._home / "dags").mkdir(parents=True)
        (self._home / "dags" / "hello.py").write_text(STOCK_DAG)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        """Start it, wait until it is healthy; the pid of the parent of everything."""
        port = measuring.free_port()
        since = dt.datetime.now(dt.UTC)
        with (self._home / "standalone.log").open("ab") as log:
            self._process = subprocess.Popen(
                [BIN / "airflow", "standalone"],
                env=self._environment(port),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{port}/api/v2/monitor/health"
        try:
            measuring.wait_for(lambda: self._healthy(url, since), START_SECONDS, "stock Airflow being healthy")
        except BaseException:
            self.stop()
            raise
        return self._process.pid

    def stop(self) -> None:
        """End it and everything that it started."""
        if self._process is not None:
            measuring.end(self._process.pid, signal.SIGINT)
            self._process.wait()
            self._process = None

    def _healthy(self, url: str, since: dt.datetime) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            sys.exit(f"airflow standalone ended:\n{(self._home / 'standalone.log').read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                health = json.load(answer)
        except (OSError, urllib.error.URLError, ValueError):
            return False
        beats = {"scheduler", "triggerer", "dag_processor"}
        return health["metadatabase"]["status"] == "healthy" and all(
            _beats(health[name], name, since) for name in beats
        )

    def _environment(self, port: int) -> dict[str, str]:
        return _clean_environment() | {
            # standalone starts its components by their name.
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "AIRFLOW_HOME": str(self._home),
            **self._slots,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(measuring.free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(measuring.free_port()),
        }


def _beats(component: dict[str, Any], name: str, since: dt.datetime) -> bool:
    beat = component.get(f"latest_{name}_heartbeat")
    return component["status"] == "healthy" and bool(beat) and dt.datetime.fromisoformat(str(beat)) > since


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("AIRFL", "_AIRFLOW"))}


if __name__ == "__main__":
    main()
