"""airfleet, as ``airfleet up`` starts it: with the very Python Dags that Airflow alone runs, and with pipelines."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import measuring
from dag_files import HELPER, pipeline_files, python_files
from workloads import Workload

from airfleet.client.api_client import Api
from airfleet.fleet.servers import secrets
from airfleet.testing.fleet import FleetUnderTest
from systems import About
from systems.airflow import AirflowSystem, airflow_version

DISCOVERY_SECONDS = 60.0
FLEET = """\
name: bench
workers: [{{name: worker, slots: {slots}}}]
env:
  BENCH_LEDGER: "{ledger}"
"""


class PythonDags(AirflowSystem):
    """A fleet with Dags in Python."""

    about = About("airfleet, Dags in Python", "a process per task", "PostgreSQL, every state")

    def files(self, workload: Workload) -> Mapping[str, str]:
        """The files of a workload."""
        return python_files(workload)

    def version(self) -> str:
        """airfleet's and Airflow's."""
        return f"{importlib.metadata.version('airfleet')} on Airflow {airflow_version()}"

    def start(self, workloads: Sequence[Workload]) -> None:
        """Write the Dags, then ``airfleet up``."""
        for workload in workloads:
            for name, text in self.files(workload).items():
                self.fleet.write(f"pipelines/{name}", text)
        self.fleet.start()
        self.await_dags(workloads, DISCOVERY_SECONDS)

    def stop(self) -> None:
        """End it."""
        self.fleet.remove()

    @cached_property
    def fleet(self) -> FleetUnderTest:
        """The project in a folder of its own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = FLEET.format(slots=self.slots, ledger=self.ledger.path)
        return FleetUnderTest.make(text, {HELPER.name: HELPER.read_text()})

    @cached_property
    def _agent(self) -> int:
        return self.fleet.snapshot().pid

    def pids(self) -> Sequence[int]:
        """The agent and everything below it: it is the parent of all, servers included."""
        return measuring.tree(self._agent)

    def database_url(self) -> str:
        """The embedded PostgreSQL's."""
        paths = self.fleet.paths
        password = secrets.load_or_generate(paths.secrets, _never).airflow_password
        port = json.loads(paths.ports.read_text())["postgres"]
        return f"postgresql://airflow:{password}@127.0.0.1:{port}/airflow"

    def worker_log(self) -> Path:
        """The worker's output."""
        return self.fleet.paths.log("worker")

    def worker(self) -> int:
        """The worker's."""
        return self._component("worker")

    def scheduler(self) -> int:
        """The scheduler's."""
        return self._component("scheduler")

    def _component(self, name: str) -> int:
        pid = self.fleet.component(name).pid
        assert pid is not None, f"{name} does not run"
        return pid

    def api(self) -> Api:
        """As the fleet's user."""
        return self.fleet.api


class Pipelines(PythonDags):
    """A fleet with pipelines in YAML."""

    about = About("airfleet, pipelines", "a process per task", "PostgreSQL, every state")

    def files(self, workload: Workload) -> Mapping[str, str]:
        """The files of a workload."""
        return pipeline_files(workload)


def _never() -> secrets.Secrets:
    raise AssertionError("the fleet has written its secrets")
