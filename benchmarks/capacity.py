"""What each component needs: memory and connections to the database, at rest and under load.

    PYTHONPATH=tests python benchmarks/capacity.py [--slots 4] [--settle 30] [--tasks 200]

A fleet of two hosts on this machine, PostgreSQL and Valkey beside it: *front* decides and serves (two api-servers,
nginx and Flower among it), *back* has a worker and a log server. Three moments are measured. *Rest*: everything is
healthy and nothing was asked of it. *Tasks*: every slot has a task that sleeps. *Busy*: small tasks follow one another
in every slot while four clients read lists of runs; of what is asked every half second, the most counts.

Memory is PSS, with all processes of a component. A connection is one that a process of the component has to PostgreSQL.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from measuring import report

from airfleet.agent import control
from airfleet.agent.servers import nginx
from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from airfleet.testing.ports import free_ports
from faultlab.systems.hosts_apart import hosts_apart

FLEET = """\
name: capacity
hosts:
  - name: front
    address: 127.0.0.1
    scheduler: true
    dag_processor: true
    triggerer: true
    api_server: {{count: 2, port: {port}}}
  - name: back
    address: 127.0.0.1
    workers: [{{slots: {slots}}}]
flower: {{on: front, port: {flower}}}
policies: {{on_partition: keep}}
{proxy}"""
PROXY = "proxy: {{on: front, name: localhost, address: 127.0.0.1, port: {public}}}\n"
DAG = """\
import time

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG


def sleep(seconds):
    time.sleep(seconds)


def work(_):
    return None


with DAG("asleep", schedule=None, is_paused_upon_creation=False):
    PythonOperator.partial(task_id="sleep", python_callable=sleep).expand(op_args=[[{sleep}]] * {slots})

with DAG("busy", schedule=None, is_paused_upon_creation=False, max_active_tasks=1000):
    PythonOperator.partial(task_id="work", python_callable=work).expand(op_args=[[i] for i in range({tasks})])
"""
CLIENTS = 4
PAUSE_SECONDS = 0.5
HEAD = ("", "at rest, MB", "tasks in all slots, MB", "busy, MB", "connections at rest", "busy")
NOTES = """\
PSS, with all processes of a component. *agent* and *zygote* are on every host. Connections are those to PostgreSQL;
*busy* is the most of what was seen twice a second."""


@dataclass
class Seen:
    """The most of what a component used while it was watched."""

    mb: dict[str, float] = field(default_factory=dict)
    connections: dict[str, int] = field(default_factory=dict)

    def add(self, mb: Mapping[str, float], connections: Mapping[str, int]) -> None:
        """Take note of one look."""
        for name, value in mb.items():
            self.mb[name] = max(value, self.mb.get(name, 0.0))
        for name, count in connections.items():
            self.connections[name] = max(count, self.connections.get(name, 0))


@dataclass(frozen=True)
class Fleet:
    """The two hosts, and the port of their database."""

    hosts: Mapping[str, FleetUnderTest]
    database_port: int

    @property
    def front(self) -> FleetUnderTest:
        """The one with the API."""
        return self.hosts["front"]

    def look(self) -> tuple[dict[str, float], dict[str, int]]:
        """Memory and connections of every component: ``host/component`` -> MB, and -> how many."""
        mb: dict[str, float] = {}
        connections: dict[str, int] = {}
        for host, one in self.hosts.items():
            for component in control.status(one.paths.socket, memory=True).components:
                if component.pid is None:
                    continue
                name = f"{host}/{component.name}"
                mb[name] = component.memory_mb or 0.0
                connections[name] = self._connections(component.pid, alone=component.kind in ("agent", "zygote"))
        return mb, connections

    def _connections(self, pid: int, *, alone: bool) -> int:
        try:
            process = psutil.Process(pid)
            family = [process] if alone else [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0
        return sum(self._of_process(one) for one in family)

    def _of_process(self, process: psutil.Process) -> int:
        try:
            found = process.net_connections(kind="tcp")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return 0
        return sum(1 for one in found if one.raddr and one.raddr.port == self.database_port)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description="Memory and database connections of each component.")
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 2, help="slots of the worker")
    parser.add_argument("--settle", type=float, default=30, help="seconds before a measurement at rest")
    parser.add_argument("--sleep", type=float, default=30, help="seconds that each task of the second part sleeps")
    parser.add_argument("--tasks", type=int, default=200, help="small tasks of the third part")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="capacity-", ignore_cleanup_errors=True) as scratch:
        Path(scratch).chmod(0o755)  # embedded servers run as another user when we are root
        figures = measure(Path(scratch), options)
    rows = [row(one) for one in figures["components"]]
    about = {"slots": options.slots, "tasks": options.tasks, "clients": CLIENTS}
    report("capacity", {**about, **figures}, HEAD, rows, NOTES)


def row(one: Mapping[str, Any]) -> tuple[str, ...]:
    """A component as a line of the table."""
    mb = (f"{one[key]:.0f}" for key in ("rest_mb", "tasks_mb", "busy_mb"))
    return one["name"], *mb, str(one["rest_connections"]), str(one["busy_connections"])


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The three moments."""
    port, flower, public = free_ports(3)
    proxy = PROXY.format(public=public) if nginx.find(os.environ) else ""
    text = FLEET.format(port=port, flower=flower, slots=options.slots, proxy=proxy)
    dag = DAG.format(sleep=options.sleep, slots=options.slots, tasks=options.tasks)
    with hosts_apart(folder, text, ("front", "back"), {"pipelines/load.py": dag}) as (front, back):
        fleet = Fleet({"front": front, "back": back}, _database_port(front))
        front.wait_for_dag("asleep")
        front.wait_for_dag("busy")
        time.sleep(options.settle)
        rest = watch(fleet, lambda: False)
        tasks = _while_asleep(fleet, options)
        busy = _while_busy(fleet)
    return {"components": _components(rest, tasks, busy), **_of_tasks(rest, tasks, options.slots)}


def watch(fleet: Fleet, goes_on: Callable[[], bool]) -> Seen:
    """Look once, and again for as long as it goes on."""
    seen = Seen()
    while True:
        seen.add(*fleet.look())
        if not goes_on():
            return seen
        time.sleep(PAUSE_SECONDS)


def _while_asleep(fleet: Fleet, options: argparse.Namespace) -> Seen:
    run = fleet.front.trigger("asleep")
    where = ("dags", "asleep", "dagRuns", run, "taskInstances")

    def are_taken() -> bool:
        return bool(fleet.front.api.get(*where, state="running")["total_entries"] == options.slots)

    wait_until(are_taken, 60, "all slots are taken")
    time.sleep(options.sleep / 4)
    seen = watch(fleet, lambda: False)
    assert fleet.front.wait_for_run("asleep", run, 60 + options.sleep) == "success"
    return seen


def _while_busy(fleet: Fleet) -> Seen:
    run, ended = fleet.front.trigger("busy"), threading.Event()

    def read() -> None:
        while not ended.is_set():
            fleet.front.api.get("dags", "busy", "dagRuns", limit=20)

    with ThreadPoolExecutor(CLIENTS + 1) as clients:
        readers = [clients.submit(read) for _ in range(CLIENTS)]
        waits = clients.submit(fleet.front.wait_for_run, "busy", run, 300)
        seen = watch(fleet, lambda: not waits.done())
        ended.set()
        assert waits.result() == "success"
        for reader in readers:
            reader.result()
    return seen


def _components(rest: Seen, tasks: Seen, busy: Seen) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "rest_mb": round(rest.mb[name], 1),
            "tasks_mb": round(tasks.mb.get(name, 0.0), 1),
            "busy_mb": round(busy.mb.get(name, 0.0), 1),
            "rest_connections": rest.connections[name],
            "busy_connections": max(busy.connections.get(name, 0), tasks.connections.get(name, 0)),
        }
        for name in rest.mb
    ]


def _of_tasks(rest: Seen, tasks: Seen, slots: int) -> dict[str, float]:
    worker = "back/worker"
    return {"task_mb": round((tasks.mb[worker] - rest.mb[worker]) / slots, 1)}


def _database_port(front: FleetUnderTest) -> int:
    text = (front.root / "fleet.yaml").read_text()
    line = next(line for line in text.splitlines() if line.startswith("database:"))
    return int(line.rpartition("@")[2].partition("/")[0].rpartition(":")[2])


if __name__ == "__main__":
    main()
