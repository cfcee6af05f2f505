"""Airflow alone with CeleryExecutor, on the servers that airfleet embeds: with defaults, and tuned for two loads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from dag_files import HELPER, python_files
from workloads import Workload

from airfleet.client.api_client import Api
from airfleet.fleet.components.postgres import SETTINGS
from airfleet.testing.servers import Servers
from faultlab.systems.stock_airflow import StockAirflow
from systems import About
from systems.airflow import AirflowSystem, airflow_version

START_SECONDS = 240.0


class Stock(AirflowSystem):
    """Every setting at its default."""

    about = About("Airflow, defaults", "a process per task", "PostgreSQL, every state")
    settings: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    postgres: ClassVar[Mapping[str, str]] = {}
    environment: ClassVar[Mapping[str, str]] = {}

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
        self.servers.start()
        self.stock.start()
        self.await_dags(workloads, START_SECONDS)

    def stop(self) -> None:
        """End it."""
        self.stock.stop()
        self.servers.stop()

    @cached_property
    def servers(self) -> Servers:
        """PostgreSQL and Valkey."""
        return Servers(self.folder / "servers", postgres=self.postgres)

    def more_settings(self) -> Mapping[str, Mapping[str, str]]:
        """Settings with an address or a password of the servers."""
        return {}

    @cached_property
    def stock(self) -> StockAirflow:
        """The components."""
        return StockAirflow(
            self.folder / "airflow",
            dags=self.folder / "dags",
            settings=_merged(self.settings, self.more_settings()),
            slots=self.slots,
            environ={"BENCH_LEDGER": str(self.ledger.path), **self.environment},
            given_servers=self.servers,
        )

    def pids(self) -> Sequence[int]:
        """Servers included."""
        return (*self.stock.pids(), *self.servers.pids())

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


#: What the configuration offers for speed at no cost in safety, whatever the load.
TUNED: Mapping[str, Mapping[str, str]] = {
    "scheduler": {
        "max_tis_per_query": "0",
        "max_dagruns_to_create_per_loop": "100",
        "max_dagruns_per_loop_to_schedule": "100",
    },
    "celery": {
        "task_track_started": "False",
        "sync_parallelism": "1",
        "extra_celery_config": '{"worker_disable_prefetch": true}',
    },
    "database": {"sql_alchemy_pool_size": "10", "sql_alchemy_max_overflow": "20"},
    # Dags are not read again while nothing has changed.
    "dag_processor": {"min_file_process_interval": "600"},
}


class Tuned(Stock):
    """Common to both: the settings that always help, and PostgreSQL set up as a fleet's own."""

    postgres: ClassVar[Mapping[str, str]] = SETTINGS
    environment: ClassVar[Mapping[str, str]] = {"MALLOC_ARENA_MAX": "2"}

    def more_settings(self) -> Mapping[str, Mapping[str, str]]:
        """The end of each message goes to Valkey instead of a row of PostgreSQL."""
        return {"celery": {"result_backend": self.servers.broker(1)}}


class Quick(Tuned):
    """Tuned for the way from one task to the next: loops rest as briefly as they may."""

    about = About("Airflow, tuned for latency", "a process per task", "PostgreSQL, every state")
    settings: ClassVar[Mapping[str, Mapping[str, str]]] = {
        **TUNED,
        "scheduler": {**TUNED["scheduler"], "scheduler_idle_sleep_time": "0.1"},
        # Shortens the wait of a slot whose task has ended, for a heartbeat a second of each running task.
        "workers": {"min_heartbeat_interval": "1"},
    }


class Busy(Tuned):
    """Tuned for many tasks at once: nothing that costs CPU while all cores are busy."""

    about = About("Airflow, tuned for throughput", "a process per task", "PostgreSQL, every state")
    settings: ClassVar[Mapping[str, Mapping[str, str]]] = TUNED


def _merged(*chosen: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
    merged: dict[str, dict[str, str]] = {}
    for settings in chosen:
        for section, values in settings.items():
            merged.setdefault(section, {}).update(values)
    return merged
