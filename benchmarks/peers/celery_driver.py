"""Celery alone: canvases through Valkey to a prefork worker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import celery
from peers.celery_app import app, one
from peers.driver import run_names, serve
from workloads import Workload

SLOTS = os.environ["BENCH_SLOTS"]
START_SECONDS, RUN_SECONDS = 60.0, 600.0


def main() -> None:
    """Start the worker, then serve."""
    command = [sys.executable, "-m", "celery", "-A", "peers.celery_app", "worker", "-c", SLOTS, "-O", "fair"]
    worker = subprocess.Popen(
        [*command, "--prefetch-multiplier", "1", "--loglevel", "WARNING"], stdin=subprocess.DEVNULL, stdout=sys.stderr
    )
    try:
        _wait(worker)
        serve(version("celery"), do)
    finally:
        worker.terminate()
        worker.wait(30)


def do(workload: Workload, label: str) -> Mapping[str, float]:
    """A canvas for each run."""
    asked, results = {}, []
    for name in run_names(workload, label):
        asked[name] = time.time()
        results.append(_canvas(workload, name).apply_async())
    for result in results:
        result.get(timeout=RUN_SECONDS)
    return asked


def _canvas(workload: Workload, name: str) -> Any:
    tasks = [one.si(workload.function, workload.amount, number, name) for number in range(len(workload.graph))]
    if workload.is_chain:
        return celery.chain(*tasks)
    if workload.is_fan_out:
        return celery.chain(tasks[0], celery.chord(celery.group(tasks[1:-1]), tasks[-1]))
    if not any(workload.graph):
        return celery.group(tasks)
    return celery.chain(tasks[0], celery.group(tasks[1:]))


def _wait(worker: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not app.control.ping(timeout=0.5):
        if worker.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError("the worker does not answer")


if __name__ == "__main__":
    main()
