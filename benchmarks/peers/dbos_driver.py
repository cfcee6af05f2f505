"""DBOS on PostgreSQL: workflows and steps in this process; what may run at once goes through a durable queue."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from importlib.metadata import version

import dbos  # type: ignore[import-not-found]
from peers.driver import run_names, serve
from work.bench_work import run_one
from workloads import Workload

SLOTS = int(os.environ["BENCH_SLOTS"])
#: The default asks the queue once a second, which would be all that is measured.
POLLING_SECONDS = 0.05

app = dbos.DBOS(config={"name": "bench", "system_database_url": os.environ["BENCH_DATABASE"], "log_level": "WARNING"})
QUEUE = "slots"
step = dbos.DBOS.step()(run_one)


def _one(function: str, amount: float, number: int, run: str) -> None:
    step(function, amount, number, run)


def _chain(function: str, amount: float, count: int, run: str) -> None:
    for number in range(count):
        step(function, amount, number, run)


def _levels(function: str, amount: float, levels: list[list[int]], run: str) -> None:
    for level in levels:
        handles = [dbos.DBOS.enqueue_workflow(QUEUE, one, function, amount, number, run) for number in level]
        for handle in handles:
            handle.get_result()


one = dbos.DBOS.workflow()(_one)
chain = dbos.DBOS.workflow()(_chain)
levels = dbos.DBOS.workflow()(_levels)


def do(workload: Workload, label: str) -> Mapping[str, float]:
    """A workflow for each run; chains wait for a slot as a whole, elsewhere each task does."""
    asked, handles = {}, []
    for name in run_names(workload, label):
        asked[name] = time.time()
        given = (workload.function, workload.amount)
        if workload.is_chain:
            handles.append(dbos.DBOS.enqueue_workflow(QUEUE, chain, *given, len(workload.graph), name))
        else:
            handles.append(dbos.DBOS.start_workflow(levels, *given, _levels_of(workload), name))
    for handle in handles:
        handle.get_result()
    return asked


def _levels_of(workload: Workload) -> list[list[int]]:
    depth: list[int] = []
    for needed in workload.graph:
        depth.append(1 + max((depth[earlier] for earlier in needed), default=-1))
    return [[number for number, at in enumerate(depth) if at == level] for level in range(max(depth) + 1)]


if __name__ == "__main__":
    dbos.DBOS.launch()
    dbos.DBOS.register_queue(QUEUE, worker_concurrency=SLOTS, polling_interval_sec=POLLING_SECONDS)
    serve(version("dbos"), do)
    dbos.DBOS.destroy()
