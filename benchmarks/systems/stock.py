"""Airflow alone with CeleryExecutor, on the servers that airfleet embeds: with its defaults, and tuned by settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from dag_files import HELPER, python_files
from workloads import Workload

from airfleet.cli.rest import Api
from airfleet.testing.stock import StockAirflow
from systems import About
from systems.airflow import AirflowSystem, airflow_version

START_SECONDS = 240.0


class Stock(AirflowSystem):
    """Every setting at its default."""

    about = About("Airflow, defaults", "a process per task", "PostgreSQL, every state")
    settings: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def version(self) -> str:
        """Airflow's."""
        return airflow_version()

    def start(self, workloads: Sequence[Workload]) -> None:
        """Write the Dags, then start it."""
        dags = self.folder / "dags"
        dags.mkdir(parents=True)
        (dags / HELPER.name).write_text(HELPER.read_text())
        for workload in workloads:
            for name, text in python_files(workload).items():
                (dags / name).write_text(text)
        self.stock.start()
        self.await_dags(workloads, START_SECONDS)

    def stop(self) -> None:
        """End it."""
        self.stock.stop()

    @cached_property
    def stock(self) -> StockAirflow:
        """The components."""
        return StockAirflow(
            self.folder / "airflow",
            dags=self.folder / "dags",
            settings=self.settings,
            slots=self.slots,
            environ={"BENCH_LEDGER": str(self.ledger.path)},
        )

    def pids(self) -> Sequence[int]:
        """Servers included."""
        return self.stock.pids()

    def database_url(self) -> str:
        """PostgreSQL's."""
        return self.stock.database_url

    def worker_log(self) -> Path:
        """The output of ``airflow celery worker``."""
        return self.stock.logs / "worker.log"

    def worker(self) -> int:
        """``airflow celery worker``."""
        return self.stock.component("worker")

    def scheduler(self) -> int:
        """``airflow scheduler``."""
        return self.stock.component("scheduler")

    def api(self) -> Api:
        """As administrator."""
        return self.stock.api


class Tuned(Stock):
    """What settings alone can do for speed, and may do: nothing here costs safety."""

    about = About("Airflow, tuned by settings", "a process per task", "PostgreSQL, every state")
    settings: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "scheduler": {
            "scheduler_idle_sleep_time": "0.1",
            "max_tis_per_query": "0",
            "max_dagruns_to_create_per_loop": "100",
            "max_dagruns_per_loop_to_schedule": "100",
        },
        # Shortens the wait of a slot whose task has ended, for a heartbeat a second of each running task.
        "workers": {"min_heartbeat_interval": "1"},
        "celery": {"task_track_started": "False", "sync_parallelism": "1"},
        # Dags are not read again while nothing has changed.
        "dag_processor": {"min_file_process_interval": "600"},
    }
