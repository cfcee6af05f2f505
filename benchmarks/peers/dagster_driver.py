"""Dagster with PostgreSQL: a job's steps in this process, or (``multiprocess``) in a new process each."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import dagster  # type: ignore[import-not-found]
from peers.driver import encode, run_names, serve
from workloads import Workload

MULTIPROCESS = sys.argv[1:] == ["multiprocess"]
SLOTS = int(os.environ["BENCH_SLOTS"])
HOME = Path(os.environ["DAGSTER_HOME"])


def main() -> None:
    """Tell Dagster of its database, then serve."""
    HOME.mkdir(parents=True, exist_ok=True)
    url = {"env": "BENCH_DATABASE"}
    settings = {"storage": {"postgres": {"postgres_url": url}}, "telemetry": {"enabled": False}}
    (HOME / "dagster.yaml").write_text(json.dumps(settings))  # which YAML includes
    with dagster.DagsterInstance.get() as instance:

        def do(workload: Workload, label: str) -> Mapping[str, float]:
            asked = {}
            whole = dagster.build_reconstructable_job(
                "peers.dagster_jobs", "job", reconstructable_args=(encode(workload, label), MULTIPROCESS, SLOTS)
            )
            for name in run_names(workload, label):
                asked[name] = time.time()
                result = dagster.execute_job(whole, instance=instance, tags={"bench_run": name}, raise_on_error=True)
                assert result.success
            return asked

        serve(dagster.__version__, do)


if __name__ == "__main__":
    main()
