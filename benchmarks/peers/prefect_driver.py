"""Prefect: a server on SQLite, flows in this process, tasks in its threads."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from peers.driver import each_in_a_thread, run_names, serve
from work.bench_work import run_one
from workloads import Workload

URL = os.environ["PREFECT_API_URL"]
SLOTS = int(os.environ["BENCH_SLOTS"])
START_SECONDS = 120.0


def main() -> None:
    """Start the server, then serve."""
    where = urlsplit(URL)
    program = str(Path(sys.executable).parent / "prefect")
    # In the same session as this process: whoever ends it ends the server.
    server = subprocess.Popen(
        [program, "server", "start", "--host", "127.0.0.1", "--port", str(where.port)],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    try:
        _wait(f"{URL}/health", server)
        import prefect  # type: ignore[import-not-found]

        serve(prefect.__version__, do)
    finally:
        server.terminate()
        server.wait(30)


def do(workload: Workload, label: str) -> Mapping[str, float]:
    """Every run as a flow, so many flows at once that all slots have work."""
    import prefect
    from prefect.futures import wait  # type: ignore[import-not-found]
    from prefect.task_runners import ThreadPoolTaskRunner  # type: ignore[import-not-found]

    names = run_names(workload, label)
    flows_at_once = min(SLOTS, len(names))
    one = prefect.task(run_one, name="one")

    def graph(run: str) -> None:
        futures: list[Any] = []
        for number, needed in enumerate(workload.graph):
            after = [futures[earlier] for earlier in needed]
            futures.append(one.submit(workload.function, workload.amount, number, run, wait_for=after))
        wait(futures)
        for future in futures:
            future.result()

    runner = ThreadPoolTaskRunner(max_workers=max(1, SLOTS // flows_at_once))
    flow = prefect.flow(graph, name=workload.name, task_runner=runner)
    return each_in_a_thread(names, flows_at_once, flow)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
        time.sleep(0.2)


if __name__ == "__main__":
    main()
