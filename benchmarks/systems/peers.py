"""The systems that are not Airflow, each in a process of its own with what ``requirements/peers.lock`` says."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import measuring
from figures import Run
from peers.driver import encode
from witness import Ledger, NotDone, require_each_once
from workloads import Workload, star

from airfleet.system import process_tree
from airfleet.testing.fleet import clean_environment
from airfleet.testing.ports import free_ports
from airfleet.testing.servers import Servers
from systems import About

BENCHMARKS = Path(__file__).resolve().parents[1]
PYTHON = BENCHMARKS.parent / ".venv-peers" / "bin" / "python"
START_SECONDS, STOP_SECONDS = 180.0, 20.0
#: longest for one run of a workload: this, and so much for each task
PATIENCE_SECONDS, TASK_SECONDS = 60.0, 6.0


class Peer:
    """A driver that is told of workloads, and the servers beside it."""

    about: ClassVar[About]
    driver: ClassVar[tuple[str, ...]]

    def __init__(self, folder: Path, slots: int) -> None:
        self.folder = folder
        self.slots = slots
        self.ledger = Ledger(folder / "ledger")
        self.servers = Servers(folder / "servers")
        self._process: subprocess.Popen[str] | None = None
        self._version = ""

    def version(self) -> str:
        """What the driver said when it started."""
        return self._version

    def offers(self, workload: Workload) -> str:
        """Everything."""
        return ""

    def start(self, workloads: Sequence[Workload]) -> None:
        """The servers, then the driver."""
        if not PYTHON.exists():
            raise RuntimeError("its environment is not installed: make .venv-peers/.installed")
        self.servers.start()
        with (self.folder / "driver.log").open("w") as log:
            self._process = subprocess.Popen(
                [PYTHON, BENCHMARKS / "peers" / self.driver[0], *self.driver[1:]],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
                start_new_session=True,
            )
        self._version = str(self._answer(START_SECONDS)["version"])

    def run(self, workload: Workload, label: str) -> Run:
        """Have the driver do it; see that all is done."""
        assert self._process
        assert self._process.stdin
        self.ledger.skip()
        before = measuring.cpu_seconds(self._pids())
        print(encode(workload, label), file=self._process.stdin, flush=True)
        answer = self._answer(PATIENCE_SECONDS + TASK_SECONDS * workload.tasks)
        used = measuring.cpu_seconds(self._pids()) - before
        if "failed" in answer:
            raise NotDone(f"{workload.name}: {answer['failed']}")
        executions = self.ledger.executions()
        require_each_once(workload, executions)
        return Run(answer["began"], answer["ended"], answer["asked"], executions, used)

    def stop(self) -> None:
        """End everything."""
        process_tree.end(lambda: process_tree.find(self._mark), STOP_SECONDS)
        if self._process is not None:
            self._process.wait()
        self.servers.stop()

    def environment(self) -> Mapping[str, str]:
        """What this peer needs to know beside the rest."""
        return {}

    @cached_property
    def _environment(self) -> dict[str, str]:
        database = self.servers.database("bench")
        return {
            **clean_environment(),
            process_tree.MARK: self._mark,
            "HOME": str(self.folder),
            "PATH": f"{PYTHON.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(BENCHMARKS),
            "BENCH_LEDGER": str(self.ledger.path),
            "BENCH_SLOTS": str(self.slots),
            "BENCH_FOLDER": str(self.folder / "targets"),
            "BENCH_DATABASE": database,
            "BENCH_BROKER": self.servers.broker(0),
            "BENCH_BACKEND": self.servers.broker(1),
            **self.environment(),
        }

    @property
    def _mark(self) -> str:
        return f"peer-{self.folder.name}-{self.driver[0]}"

    def _pids(self) -> list[int]:
        assert self._process
        return [*measuring.tree(self._process.pid), *self.servers.pids()]

    def _answer(self, seconds: float) -> dict[str, Any]:
        assert self._process
        assert self._process.stdout
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            log = (self.folder / "driver.log").read_text()[-3000:]
            raise RuntimeError(f"{self.driver[0]} {'ended' if ready else 'did not answer'}\n{log}")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Prefect(Peer):
    """A server and a flow that runs its tasks in threads."""

    # On PostgreSQL it needs an extension (pg_trgm) that the embedded one has not.
    about = About("Prefect", "none: threads of one process", "SQLite, states through the server")
    driver = ("prefect_driver.py",)

    def environment(self) -> Mapping[str, str]:
        """Where the server is."""
        return {
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_API_URL": f"http://127.0.0.1:{free_ports(1)[0]}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_LOGGING_LEVEL": "WARNING",
        }


class Dagster(Peer):
    """Steps in one process."""

    about = About("Dagster, in process", "none: one process, one task at a time", "PostgreSQL, an event log")
    driver: ClassVar[tuple[str, ...]] = ("dagster_driver.py",)

    def environment(self) -> Mapping[str, str]:
        """Where its settings are."""
        return {"DAGSTER_HOME": str(self.folder / "dagster"), "DAGSTER_DISABLE_TELEMETRY": "1"}

    def offers(self, workload: Workload) -> str:
        """What a static job can be; runs are one after the other."""
        return "not as a static job" if workload.mapped else ""


class DagsterMultiprocess(Dagster):
    """A new process for each step."""

    about = About("Dagster, multiprocess", "a new process per task", "PostgreSQL, an event log")
    driver = ("dagster_driver.py", "multiprocess")

    def offers(self, workload: Workload) -> str:
        """What ends within minutes, for a step takes two seconds; of what does not, one fan-out."""
        if workload.tasks > 200 and not workload.is_fan_out:
            return "would take half an hour a run: two seconds a step"
        return super().offers(workload)


class Dbos(Peer):
    """Workflows as a library."""

    about = About("DBOS", "none: threads of one process", "PostgreSQL, each step; queues asked every 50 ms")
    driver = ("dbos_driver.py",)

    def offers(self, workload: Workload) -> str:
        """What a workflow with a queue says naturally."""
        return _only_chains_and_fans(workload)


class Luigi(Peer):
    """Files as targets."""

    about = About("Luigi", "a forked process per task", "a file per finished task, no database")
    driver = ("luigi_driver.py",)


class Celery(Peer):
    """A canvas."""

    about = About("Celery canvas", "a process per slot", "messages in Valkey, no record of a graph")
    driver = ("celery_driver.py",)

    def offers(self, workload: Workload) -> str:
        """What chains, groups and chords say."""
        return _only_chains_and_fans(workload)


def _only_chains_and_fans(workload: Workload) -> str:
    plain = workload.is_chain or workload.is_fan_out or not any(workload.graph)
    return "" if plain or workload.graph == star(len(workload.graph)) else "only chains and fans"
