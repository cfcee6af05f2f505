"""Runs attempts of files of releases in a worker's pool, each in the environment of its release. [A]

A process of its own, with Airflow configured for a bundle of releases; prints the state of each attempt as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import uuid
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import structlog
from airflow.dag_processing.bundles.base import BaseDagBundle

from airfleet.pipelines.airflow import importer


class Releases(BaseDagBundle):
    """The releases of a host, each a version."""

    supports_versioning = True

    def __init__(self, *, root: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.root = root
        importer.register(self.name)

    @property
    def path(self) -> Path:
        return Path(self.root) / "trees" / str(self.version) / "pipelines"

    def get_current_version(self) -> str | None:
        return self.version

    def refresh(self) -> None:
        """Nothing changes."""


def environ(root: Path, home: Path) -> dict[str, str]:
    """Give the variables of the process."""
    bundle = {"name": "releases", "classpath": f"{__name__}.Releases", "kwargs": {"root": str(root)}}
    return os.environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
        "AIRFLEET_COMPONENT": "worker",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


def main() -> None:
    """Run an attempt of each ``VERSION/FILE`` that is named, all at once."""
    from airfleet.worker import pool_client
    from airfleet.zygote import worker_component

    worker_component.start_pool(os.open(os.devnull, os.O_RDONLY))
    # Each attempt has its monitor, in a process of its own as in a worker.
    with ProcessPoolExecutor(len(sys.argv) - 1, multiprocessing.get_context("fork")) as slots:
        states = list(slots.map(_run, sys.argv[1:]))
    pool_client.use(None)
    print(json.dumps(states))


def _api(request: httpx.Request) -> httpx.Response:
    """Answer whatever an attempt asks."""
    run: dict[str, Any] = {
        "dag_id": "library", "run_id": "run", "run_type": "manual", "state": "running", "conf": {},
        "run_after": "2026-01-01T00:00:00Z", "start_date": "2026-01-01T00:00:00Z", "consumed_asset_events": [],
        **dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end", "end_date", "partition_key")),
    }  # fmt: skip
    begun = {"dag_run": run, "max_tries": 0, "should_retry": False}
    return httpx.Response(200, json=begun if request.url.path.endswith("/run") else {})


def _run(named: str) -> str:
    from airflow.executors.workloads import BundleInfo
    from airflow.sdk.api.client import Client
    from airflow.sdk.api.datamodels._generated import TaskInstance

    from airfleet.worker.attempt_monitor import AttemptMonitor, NobodyForks

    version, file = named.split("/", 1)
    what = TaskInstance(
        id=uuid.uuid4(), dag_version_id=uuid.uuid4(), dag_id="library", task_id="tell", run_id=version, try_number=1
    )
    logger = structlog.wrap_logger(structlog.PrintLogger(sys.stderr), processors=[structlog.processors.JSONRenderer()])
    client: Any = Client(base_url=None, dry_run=True, token="", transport=httpx.MockTransport(_api))
    bundle = BundleInfo(name="releases", version=version)
    try:
        monitor = AttemptMonitor.start_in_pool(
            what=what, dag_rel_path=file, bundle_info=bundle, client=client, logger=logger
        )
    except NobodyForks as error:
        return str(error)
    monitor.wait()
    return str(monitor.final_state)


if __name__ == "__main__":
    main()
