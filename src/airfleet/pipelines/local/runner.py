"""One pipeline, run to its end on this machine, with no service and nothing left behind.

::

    run_pipeline ─ check the file ─→ child process (Airflow, throw-away database) ─ events ─→ on_event, RunOutcome

This module imports no Airflow, so the command line starts at once and a wrong file is told within
milliseconds. The child (:mod:`airfleet.pipelines.airflow.local_child`) gets a home of its own in a temporary
folder and a copy of an empty, migrated SQLite database that is kept per Airflow version under
``$XDG_CACHE_HOME/airfleet``. No ``AIRFLOW__…`` setting of the caller reaches it, except those
of ``[secrets]``; connections and variables come from ``AIRFLOW_CONN_…`` and ``AIRFLOW_VAR_…``.

Messages of the child, one JSON object a line on a pipe of its own:

- ``{"event": {…}}``: a :class:`TaskEvent`;
- ``{"problems": […]}``: the operators refuse the file; nothing ran;
- ``{"end": {…}}``: the run's state, last of all.

The child ended without ``end``: it was killed or Airflow itself failed; the run log says more, and
:class:`FleetError` names it. Ctrl-C, SIGTERM, SIGHUP or the death of this process: the task's ``on_kill`` is called,
then the child and everything it started ends (:mod:`airfleet.pipelines.local.guard`), and KeyboardInterrupt or
:class:`Stopped` goes on to the caller.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from airfleet.errors import FileProblems, FleetError, Place, Problem, Stopped, UsageError, did_you_mean
from airfleet.pipelines.checks.pipeline_checks import default_zone, read_and_check, zone_of
from airfleet.pipelines.language.spec import Pipeline
from airfleet.pipelines.local import guard, participation
from airfleet.pipelines.local import home as local_home
from airfleet.pipelines.local.participation import Absence, day, written
from airfleet.pipelines.local.selection import Chosen
from airfleet.problem_codes import Code

Kind: TypeAlias = Literal[
    "started", "succeeded", "mocked", "failed", "skipped", "retrying", "upstream_failed", "deferred"
]

#: until a guard that was told to end a run is given up, seconds
_END_SECONDS = guard.ON_KILL_SECONDS + guard.TERM_SECONDS + guard.KILL_SECONDS + 5.0


@dataclass(frozen=True)
class TaskEvent:
    """Something happened to a task. ``seconds`` is how long the attempt took, None while it runs."""

    kind: Kind
    task: str
    attempt: int = 1
    #: which copy of a mapped task, -1 for a task that is not mapped
    map_index: int = -1
    seconds: float | None = None
    #: the file with what the attempt printed and logged
    log: str | None = None
    #: of a failed attempt, the exception in one line
    error: str | None = None


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended."""

    dag_id: str
    run_id: str
    state: Literal["success", "failed"]
    seconds: float
    #: the last event of every task, in the order they ended
    tasks: tuple[TaskEvent, ...] = ()
    #: the folder with the logs of this run; ``run.log`` is what Airflow itself said
    logs: Path = field(default_factory=Path)

    @property
    def ok(self) -> bool:
        """Whether the run succeeded."""
        return self.state == "success"


def run_pipeline(
    path: Path,
    *,
    dag_id: str | None = None,
    job: str | None = None,
    params: Mapping[str, Any] | None = None,
    logical_date: dt.datetime | None = None,
    chosen: Chosen | None = None,
    debug: bool = False,
    on_event: Callable[[TaskEvent], None] = lambda event: None,
    environ: Mapping[str, str] = os.environ,
) -> RunOutcome:
    """Run one pipeline of ``path``; ``on_event`` hears of every task as it happens.

    ``chosen`` says which tasks run, and ``debug`` opens the debugger in this terminal at breakpoints and failures.

    Raises:
        FileProblems: the file is wrong; nothing ran.
        UsageError: the file has several Dags, or not the one asked for.
        FleetError: Airflow itself failed, or no task takes part in a run of that date.
    """
    pipeline = choose(path, dag_id, job, environ)
    logical_date = logical_date or dt.datetime.now(dt.UTC)
    absences(pipeline, logical_date, environ)
    local_home.remove_abandoned(Path(tempfile.gettempdir()))
    with (
        stopped_by_signals(),
        local_home.made() as (home, lock),
        child_running(
            {
                "work": "run",
                "file": str(path.absolute()),
                "dag_id": pipeline.dag_id,
                "params": dict(params or {}),
                "logical_date": logical_date.isoformat(),
                "database": str(local_home.empty_database(environ)),
                "logs": str(local_home.log_folder(environ, pipeline.dag_id)),
                "left_out": list(chosen.left_out) if chosen else [],
                "mocks": dict(chosen.mocks) if chosen else {},
            },
            home,
            lock,
            environ,
            debug=debug,
        ) as (order, messages),
    ):
        return _follow(order, messages, path, on_event)


def absences(pipeline: Pipeline, moment: dt.datetime, environ: Mapping[str, str]) -> tuple[Absence, ...]:
    """List the tasks that take no part in a run of that logical date.

    Raises:
        FleetError: it is all of them.
    """
    found = participation.absences(pipeline, moment, zone_of(pipeline) or default_zone(environ))
    if found and len(found) == len(pipeline.tasks):
        near = participation.nearest(found, moment)
        sentence = (
            f"no task of '{pipeline.dag_id}' takes part in a run of {day(moment)}: the {near.key} is {day(near.date)}"
        )
        raise FleetError(sentence, hint=f"--date {written(near.date)} runs it as of that day")
    return found


def choose(path: Path, dag_id: str | None, job: str | None, environ: Mapping[str, str]) -> Pipeline:
    """Find the pipeline that is meant. Raises as :func:`run_pipeline` does."""
    checked = read_and_check(path, environ=environ, only=dag_id)
    wanted = [p for p in checked.pipelines if (dag_id is None or p.dag_id == dag_id) and (job is None or p.job == job)]
    if checked.problems:
        raise FileProblems(checked.problems)
    if checked.foreign:
        raise FileProblems([checked.foreign])
    if len(wanted) == 1:
        return wanted[0]
    jobs = [p.job for p in checked.pipelines if p.job is not None]
    if job is not None and not wanted:
        raise UsageError(f"{path} has no job '{job}'" + _hint(job, jobs))
    if dag_id is not None and not wanted:
        raise UsageError(f"{path} has no Dag '{dag_id}'" + _hint(dag_id, checked.dag_ids))
    if not checked.pipelines:
        raise UsageError(f"{path} has no pipeline" + (", only parts that some share" if checked.is_shared else ""))
    if jobs:
        raise UsageError(f"{path} has {len(jobs)} jobs\nhint: choose one with --job: {', '.join(jobs)}")
    raise UsageError(f"{path} has several Dags\nhint: choose one: {', '.join(checked.dag_ids)}")


def _hint(word: str, known: list[str] | tuple[str, ...]) -> str:
    return "\nhint: " + (did_you_mean(word, known) or f"it has {', '.join(known) or 'none'}")


def _follow(
    order: Mapping[str, Any], messages: Iterator[Any], path: Path, on_event: Callable[[TaskEvent], None]
) -> RunOutcome:
    last: dict[tuple[str, int], TaskEvent] = {}
    logs = Path(order["logs"])
    for message in messages:
        if "event" in message:
            event = TaskEvent(**message["event"])
            last.pop((event.task, event.map_index), None)
            last[event.task, event.map_index] = event
            on_event(event)
        elif "problems" in message:
            shutil.rmtree(logs, ignore_errors=True)
            raise FileProblems(_problem(item, path) for item in message["problems"])
        elif "end" in message:
            return RunOutcome(order["dag_id"], tasks=tuple(last.values()), logs=logs, **message["end"])
    raise FleetError("the run ended before its time: Airflow's process died", f"see {logs / 'run.log'}")


def _problem(item: Mapping[str, Any], path: Path) -> Problem:
    """Read a problem of the child, in which the file is called as the caller calls it."""
    found = problem_of(item)
    is_same = found.place.file == str(path.absolute())
    return replace(found, place=replace(found.place, file=str(path))) if is_same else found


# --- the child


@contextlib.contextmanager
def child_running(
    order: dict[str, Any], home: Path, lock: int, environ: Mapping[str, str], *, debug: bool = False
) -> Iterator[tuple[dict[str, Any], Iterator[Any]]]:
    """Yield the child at work: its order, and its messages as they come. It is gone afterwards, whatever happens."""
    reader, writer = os.pipe()
    run_log = Path(order["logs"]) / "run.log"
    (home / "airflow.cfg").write_text(local_home.airflow_cfg(home, order["file"]), encoding="utf-8")
    with (
        open(run_log, "wb") as output,
        os.fdopen(reader, encoding="utf-8") as lines,
        _terminal(order, wanted=debug) as terminal,
    ):
        child = subprocess.Popen(
            [sys.executable, "-m", "airfleet.pipelines.airflow.local_start", str(writer), str(home)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=local_home.environment(home, order["dag_id"], environ),
            pass_fds=[writer, lock, *terminal],
            start_new_session=True,
        )
        os.close(writer)
        try:
            assert child.stdin is not None
            child.stdin.write(json.dumps(order).encode() + b"\n")
            child.stdin.flush()
            yield order, map(json.loads, lines)
        finally:
            _end(child, home)


@contextlib.contextmanager
def _terminal(order: dict[str, Any], *, wanted: bool) -> Iterator[tuple[int, ...]]:
    """Yield copies of this process's input and error output, which the debugger gets; the order names them."""
    if not wanted:
        yield ()
        return
    copies = os.dup(0), os.dup(2)
    order["terminal"] = {"input": copies[0], "output": copies[1]}
    try:
        yield copies
    finally:
        for copy in copies:
            os.close(copy)


def _end(child: subprocess.Popen[bytes], home: Path) -> None:
    """Let the guard end the run; when it was killed, or takes too long, do its work."""
    assert child.stdin is not None
    with contextlib.suppress(OSError):
        child.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_END_SECONDS)
    if child.poll() is None or child.returncode < 0:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        for pid in local_home.processes(home):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    child.wait()


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise :class:`Stopped` where SIGTERM or SIGHUP would end this process without a word.

    A signal that is ignored (``nohup``) stays so. Only the main thread hears of signals; in others this does nothing.
    """

    def stop(number: int, frame: object) -> None:
        for each in handled:  # once: what is being ended ends
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handled = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) == signal.SIG_DFL]
    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def problem_of(item: Mapping[str, Any]) -> Problem:
    """Read a problem as it came over the pipe."""
    return Problem(**{**item, "place": Place(**item["place"]), "code": Code(item["code"])})


def message(**content: Any) -> str:
    """Write a message of the child as it goes over the pipe."""
    if isinstance(event := content.get("event"), TaskEvent):
        content = {"event": asdict(event)}
    return json.dumps(content) + "\n"
