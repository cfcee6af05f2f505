"""Luigi: its local scheduler, a forked process for each task; what is done is known by a file for each."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import luigi  # type: ignore[import-not-found]
from peers.driver import decode, encode, run_names, serve
from work.bench_work import run_one
from workloads import Workload

SLOTS = int(os.environ["BENCH_SLOTS"])
TARGETS = Path(os.environ["BENCH_FOLDER"])


class Step(luigi.Task):  # type: ignore[misc]
    """One task of one run."""

    workload = luigi.Parameter(significant=False)
    run_name = luigi.Parameter()
    number = luigi.IntParameter()

    def requires(self) -> list[Any]:
        """What the graph says."""
        needed = _decoded(self.workload).graph[self.number]
        return [Step(workload=self.workload, run_name=self.run_name, number=earlier) for earlier in needed]

    def run(self) -> None:
        """Work, then write the target."""
        workload = _decoded(self.workload)
        run_one(workload.function, workload.amount, self.number, self.run_name)
        with self.output().open("w"):
            pass

    def output(self) -> Any:
        """The file that says that it is done."""
        return luigi.LocalTarget(str(TARGETS / self.run_name / str(self.number)))


@cache
def _decoded(line: str) -> Workload:
    return decode(line)[0]


def do(workload: Workload, label: str) -> Mapping[str, float]:
    """One build of every run."""
    names, line = run_names(workload, label), encode(workload, label)
    asked = dict.fromkeys(names, time.time())
    steps = [
        Step(workload=line, run_name=name, number=number) for name in names for number in range(len(workload.graph))
    ]
    done = luigi.build(steps, workers=SLOTS, local_scheduler=True, log_level="WARNING")
    assert done, "luigi says that not all tasks are done"
    return asked


if __name__ == "__main__":
    serve(version("luigi"), do)
