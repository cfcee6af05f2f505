"""A system under test of the laboratory on which one process runs for each host."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from airfleet.drill import journal
from airfleet.fleet.planning.local_hosts import Network
from airfleet.system import procfs
from faultlab.systems.stock_system import StockSystem
from faultlab.systems.topology import Topology


class FakeSystem(StockSystem):
    """Two hosts on which one process runs each; records what is done to them, and whether that process was stopped."""

    def __init__(self, running: dict[str, subprocess.Popen[str]]) -> None:
        super().__init__(Topology(hosts=len(running)))
        self.running = running
        self.done: list[str] = []

    @property
    def network(self) -> Network:
        return Network(7)

    def is_well(self) -> bool:
        self.done.append("is it well?")
        return True

    def processes_on(self, host: str) -> tuple[int, ...]:
        return (self.running[host].pid,)

    def pids_on(self, host: str, kind: str) -> tuple[int, ...]:
        self.done.append(f"look for {kind} of {host}")
        return self.processes_on(host)

    def cut(self, host: str) -> None:
        self.done.append(f"cut {host}")

    def vanish(self, host: str) -> None:
        self.done.append(f"{host} vanishes")

    def mend(self, host: str) -> None:
        self.done.append(f"mend {host}")

    def power_off(self, host: str) -> None:
        stopped = "running" if procfs.goes_on(self.running[host].pid) else "stopped"
        self.done.append(f"power off {host}, {stopped}")

    def shut_down(self, host: str) -> None:
        self.done.append(f"stop {host}")

    def power_on(self, host: str) -> None:
        self.done.append(f"start {host}")


@pytest.fixture
def system() -> Iterator[FakeSystem]:
    """Make two hosts with networks; an attempt called ``there`` runs on the second one, and ``here`` on the first."""
    with contextlib.ExitStack() as stack:
        sleeping = {name: stack.enter_context(sleeper()) for name in ("host-1", "host-2")}
        system = FakeSystem(sleeping)
        stack.callback(shutil.rmtree, system.folder)
        system.witness_folder.mkdir()
        for name, attempt in (("host-1", "here"), ("host-2", "there")):
            line = {"event": "start", "task": ["d", "r", attempt, -1], "attempt": attempt, "try_number": 1}
            more = {"host": "machine", "pid": sleeping[name].pid, "at": time.monotonic()}
            journal.append(system.witness_folder / "machine.jsonl", {**line, **more})
        yield system


@contextlib.contextmanager
def sleeper() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], text=True) as process:
        yield process
        process.kill()
