"""The process in which ``airfleet test`` runs cases; :mod:`airfleet.pipelines.local.case_runner` starts it.

Each case's output, and that of its subprocesses (file descriptors 1 and 2), goes to a file that is emptied before.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from airflow import settings

from airfleet.errors import Problem
from airfleet.pipelines.airflow.import_common import reach_modules
from airfleet.pipelines.airflow.trial import run
from airfleet.pipelines.cases import checks, reader
from airfleet.pipelines.cases.spec import Case
from airfleet.pipelines.checks.pipeline_checks import CheckedFile, read_and_check
from airfleet.pipelines.local.case_runner import message
from airfleet.problem_codes import Code

#: characters of the log of a failed case
_LOG_LENGTH: Final = 20_000

log = logging.getLogger(__name__)


def main(pipe: int, order: Mapping[str, Any]) -> None:
    """Carry out an order."""
    os.environ.pop("_AIRFLOW_PARSING_CONTEXT_DAG_ID", None)
    printed = os.open(Path(order["logs"]) / "case.log", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    known: dict[str, dict[str, Case]] = {}
    with os.fdopen(pipe, "w", buffering=1, encoding="utf-8") as out:
        for file, name in order["cases"]:
            if file not in known:
                known[file] = {case.name: case for case in reader.read_file(Path(file)).cases}
            os.ftruncate(printed, 0)
            began = time.monotonic()
            problems = _judged(known[file][name])
            seconds = time.monotonic() - began
            out.write(message(problems, seconds, _end_of(printed) if problems else ""))


def _judged(case: Case) -> Sequence[Problem]:
    reach_modules(case.pipeline)
    ready, problems = checks.prepared([case], _checked)
    try:
        return problems or run.verdict(ready[0], settings.TIMEZONE)
    except Exception as error:  # one case must not end the others
        log.exception("Case %s failed", case.id)
        sentence = f"airfleet itself failed on this case: {type(error).__name__}: {error}"
        return (Problem(case.place("name"), case.path, sentence, code=Code.OUR_MISTAKE),)


@functools.cache
def _checked(file: Path) -> CheckedFile:
    return read_and_check(file, environ=os.environ, zone=settings.TIMEZONE)


def _end_of(printed: int) -> str:
    """Read the end of what a case printed."""
    sys.stdout.flush()
    sys.stderr.flush()
    size = os.fstat(printed).st_size
    return os.pread(printed, _LOG_LENGTH, max(0, size - _LOG_LENGTH)).decode(errors="replace")
