"""Cases of test files, run in one process with Airflow that is started for them and gone afterwards.

::

    run_cases ─ cases by file and name ─→ child process (Airflow, no database) ─ results ─→ on_result

This module imports no Airflow. The child (:mod:`airfleet.pipelines.airflow.trial.child`) has a home of its own and is
guarded as that of a run is (:mod:`airfleet.pipelines.local.runner`). A case that ends the process has failed, and
another process runs the rest.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from airfleet.errors import Problem
from airfleet.pipelines.cases.spec import Case
from airfleet.pipelines.local import home as local_home
from airfleet.pipelines.local import runner


@dataclass(frozen=True)
class CaseResult:
    """The result of one case."""

    case: Case
    #: expectations that were not met
    problems: tuple[Problem, ...] = ()
    seconds: float = 0.0
    #: the end of what a failed case printed and logged
    log: str = ""

    @property
    def passed(self) -> bool:
        """Tell whether all expectations were met."""
        return not self.problems


def run_cases(
    cases: Sequence[Case],
    *,
    environ: Mapping[str, str] = os.environ,
    on_result: Callable[[CaseResult], None] = lambda result: None,
) -> tuple[CaseResult, ...]:
    """Run cases in their order; ``on_result`` hears of each as it ends."""
    results: list[CaseResult] = []
    local_home.remove_abandoned(Path(tempfile.gettempdir()))
    with runner.stopped_by_signals():
        while len(results) < len(cases):
            left = cases[len(results) :]
            for result in _of_one_process(left, environ):
                results.append(result)
                on_result(result)
    return tuple(results)


def _of_one_process(cases: Sequence[Case], environ: Mapping[str, str]) -> Iterator[CaseResult]:
    """Yield the results of the cases until one of them ends the process: that one is the last."""
    with local_home.made() as (home, lock):
        order = {
            "work": "cases",
            "file": str(Path(cases[0].file).absolute()),
            "dag_id": "",
            "logs": str(home),
            "cases": [(case.file, case.name) for case in cases],
        }
        waiting = iter(cases)
        with runner.child_running(order, home, lock, environ) as (_, messages):
            for message in messages:
                yield _result(next(waiting), message["result"])
        if case := next(waiting, None):
            log = (home / "run.log").read_text(errors="replace") if (home / "run.log").is_file() else ""
            sentence = "the process of the tests ended in this case"
            yield CaseResult(case, (Problem(case.place("name"), case.path, sentence),), log=log[-10_000:])


def _result(case: Case, told: Mapping[str, Any]) -> CaseResult:
    return CaseResult(case, tuple(map(runner.problem_of, told["problems"])), told["seconds"], told["log"])


def message(problems: Sequence[Problem], seconds: float, log: str) -> str:
    """Write the result of a case as it goes over the pipe."""
    return runner.message(result={"problems": [*map(asdict, problems)], "seconds": seconds, "log": log})
