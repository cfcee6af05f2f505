"""The process in which ``airfleet run`` runs a pipeline: Airflow's own ``dag.test()`` with a listener.

Started by :mod:`airfleet.pipelines.local.runner`, by way of ``local_start``; the former says what goes over the pipe.
Tasks run one after another in this process. While one runs, its output and that of its subprocesses (file
descriptors 1 and 2) goes to a file of its own; before and after, to ``run.log``.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from airflow.configuration import conf
from airflow.listeners import hookimpl
from airflow.sdk import DAG, TaskInstanceState, timezone
from airflow.sdk.execution_time.supervisor import in_process_api_server
from airflow.sdk.listener import get_listener_manager

from airfleet.pipelines.airflow.import_common import dags_and_problems, reach_modules
from airfleet.pipelines.airflow.trial.debugger import Debugger
from airfleet.pipelines.airflow.trial.references import describe_references
from airfleet.pipelines.airflow.trial.stand_ins import replace_by_mocks
from airfleet.pipelines.cases.spec import Mock
from airfleet.pipelines.local.runner import Kind, TaskEvent, message
from airfleet.system import fast_import

#: A retry is tried at once here: nobody wants to watch five minutes pass.
_LONGEST_RETRY_DELAY = dt.timedelta(seconds=1)

_FINAL: Mapping[str, Kind] = {
    "success": "succeeded",
    "failed": "failed",
    "skipped": "skipped",
    "upstream_failed": "upstream_failed",
    "removed": "skipped",
}


def main(pipe: int, order: Mapping[str, Any]) -> None:
    """Carry out an order."""
    with os.fdopen(pipe, "w", buffering=1, encoding="utf-8") as out:
        prepare_database(Path(order["database"]))
        file = Path(order["file"])
        reach_modules(file)
        dags, problems = dags_and_problems(file, only=order["dag_id"])
        if problems:
            out.write(message(problems=[asdict(problem) for problem in problems]))
            return
        out.write(message(end=run(dags[0], order, out)))


def run(dag: DAG, order: Mapping[str, Any], out: TextIO) -> dict[str, Any]:
    """Run ``dag`` to its end and say how it ended."""
    hurry(dag)
    describe_references(dag)
    replace_by_mocks(dag, {task: Mock(value) for task, value in order["mocks"].items()})
    with fast_import.few_collections():
        fast_import.serve_current_version_only(in_process_api_server().app)
    listener = TaskListener(out, order)
    get_listener_manager().add_listener(listener)
    signal.signal(signal.SIGINT, lambda number, frame: listener.interrupted())
    began = time.monotonic()
    dag_run = dag.test(
        logical_date=timezone.parse(order["logical_date"]),
        run_conf=order["params"] or None,
        mark_success_pattern=_pattern(listener.left_out),
    )
    listener.complete(dag_run)
    state = "success" if dag_run.state == "success" else "failed"
    return {"run_id": dag_run.run_id, "state": state, "seconds": time.monotonic() - began}


def _pattern(tasks: Iterable[str]) -> str | None:
    """Write the regular expression that fits these ids; None for no ids."""
    return "|".join(map(re.escape, sorted(tasks))) or None


def hurry(dag: DAG) -> None:
    """Shorten the pauses between tries."""
    for task in dag.tasks:
        task.retry_delay = min(task.retry_delay, _LONGEST_RETRY_DELAY)
        task.retry_exponential_backoff = 0


class TaskListener:
    """Tells of every task, and sends each one's output to its own file."""

    def __init__(self, out: TextIO, order: Mapping[str, Any]) -> None:
        self.out = out
        self.logs = Path(order["logs"])
        self.mocks = frozenset(order["mocks"])
        #: tasks that count as succeeded; nobody asked to hear of them
        self.left_out = frozenset(order["left_out"]) - self.mocks
        self.run_log = os.dup(1)
        self.debugger = Debugger.of(order.get("terminal"))
        self.running: Any = None
        self.began = 0.0
        self.told: set[tuple[str, int]] = set()

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        """Tell that an attempt begins."""
        self.begin(task_instance)

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        """Tell that an attempt succeeded."""
        self.finish("mocked" if task_instance.task_id in self.mocks else "succeeded", task_instance)

    @hookimpl
    def on_task_instance_skipped(self, previous_state: Any, task_instance: Any) -> None:
        """Tell that a task skipped itself."""
        self.finish("skipped", task_instance)

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        """Tell that an attempt failed; there may be another one."""
        if self.running is None:  # it failed before it began: a template, an input
            self.begin(task_instance)
            if isinstance(error, BaseException):
                traceback.print_exception(error)
        if self.debugger and isinstance(error, BaseException):
            self.debugger.post_mortem(task_instance.task_id, error)
        retried = task_instance.state == TaskInstanceState.UP_FOR_RETRY
        self.finish("retrying" if retried else "failed", task_instance, one_line(error))

    def begin(self, ti: Any) -> None:
        """Send what is printed from now on to the attempt's own file."""
        if ti.task_id in self.mocks:
            return
        self.running, self.began = ti, time.monotonic()
        if self.debugger:
            redirect(self.debugger.own_output())
        else:
            redirect(os.open(self.log(ti), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        self.tell("started", ti, None, None)

    def finish(self, kind: Kind, ti: Any, error: str | None = None) -> None:
        """Send what is printed from now on to the run's file."""
        seconds = time.monotonic() - self.began if self.running is not None else None
        self.running = None
        redirect(os.dup(self.run_log))
        self.tell(kind, ti, seconds, error)

    def tell(self, kind: Kind, ti: Any, seconds: float | None, error: str | None) -> None:
        """Send one event over the pipe."""
        if kind not in ("started", "retrying"):
            self.told.add((ti.task_id, ti.map_index))
        log = str(self.log(ti)) if self.log(ti).exists() else None
        event = TaskEvent(kind, ti.task_id, ti.try_number, ti.map_index, seconds, log, error)
        self.out.write(message(event=event))

    def log(self, ti: Any) -> Path:
        """Return the file of an attempt."""
        copy = f"[{ti.map_index}]" if ti.map_index >= 0 else ""
        return self.logs / f"{ti.task_id}{copy}.{ti.try_number}.log"

    def complete(self, dag_run: Any) -> None:
        """Tell of the tasks that never began: skipped by others, or waiting for a failed one."""
        for ti in dag_run.get_task_instances():
            kind = _FINAL.get(str(ti.state))
            is_told = (ti.task_id, ti.map_index) in self.told or ti.task_id in self.left_out
            if kind is not None and not is_told:
                self.tell(kind, ti, None, None)

    def interrupted(self) -> None:
        """End on Ctrl-C, after the running task had a chance to stop what it started."""
        try:
            if self.running is not None:
                self.running.task.on_kill()
        finally:
            os._exit(130)


def redirect(target: int) -> None:
    """Let standard output and error, of this process and its children, go to ``target``, which is closed."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)


def one_line(error: Any) -> str:
    """Write an exception as ``Type: message``."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if isinstance(error, BaseException) else text


def prepare_database(empty: Path) -> None:
    """Make an empty metadata database for this run: a copy of ``empty``, which is made when it is not there."""
    own = Path(conf.get_mandatory_value("database", "sql_alchemy_conn").removeprefix("sqlite:///"))
    if empty.exists():
        shutil.copyfile(empty, own)
        return
    from airflow.utils.db import initdb  # only the first run of all needs the migrations

    initdb()
    fresh = empty.with_suffix(f".{os.getpid()}")
    with sqlite3.connect(own) as source, sqlite3.connect(fresh) as target:
        source.backup(target)
    source.close()
    target.close()
    os.replace(fresh, empty)
