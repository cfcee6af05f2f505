"""``airfleet run``: one pipeline to its end, here and now, without a fleet."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.cli import options
from airfleet.cli.diagnosis import failure_patterns, sensors
from airfleet.cli.output import log_filter, progress, tables, terminal
from airfleet.cli.output.progress import Item
from airfleet.cli.queries import pipeline_file
from airfleet.errors import EXIT_OK, EXIT_WRONG, FleetError, Stopped, UsageError, listed
from airfleet.system.log_tail import last_lines

if TYPE_CHECKING:
    from airfleet.pipelines.language.spec import Pipeline
    from airfleet.pipelines.local.runner import RunOutcome, TaskEvent

COLUMNS = {"task": "task", "state": "state", "seconds": "seconds", "attempt": "attempt", "error": "error"}
#: kind of event -> (label, mood)
LOOKS = {
    "started": ("running", "busy"),
    "succeeded": ("success", "good"),
    "mocked": ("mocked", "good"),
    "failed": ("failed", "bad"),
    "skipped": ("skipped", "idle"),
    "retrying": ("will be tried again", "bad"),
    "upstream_failed": ("not run", "bad"),
    "deferred": ("deferred", "busy"),
}
#: until it is said what a sensor waits for
REMIND_SECONDS = 10.0
LOG_LINES = 12
#: of a log, to find those in
LINES_READ = 400


def mocks_of(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """Read ``task=value`` arguments as a mapping; ``@file`` is the JSON in a file."""
    found = options.pairs(ctx, param, values)
    return {task: _content(value[1:]) if _names_file(value) else value for task, value in found.items()}


def _names_file(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("@")


def _content(name: str) -> Any:
    try:
        return json.loads(Path(name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FleetError(f"--mock: no such file: {name}", hint=pipeline_file.near(Path(name))) from None
    except (OSError, ValueError) as error:
        raise FleetError(f"--mock: {name} is not JSON: {error}") from None


@click.command(
    epilog="\b\nExamples:\n  airfleet run pipelines/hello.yaml\n"
    "  airfleet run pipelines/orders.yaml --job eu --param day=2026-01-31\n"
    "  airfleet run pipelines/orders.yaml --from load --mock fetch=@orders.json\n"
    "  airfleet run pipelines/orders.yaml --only check --pdb"
)
@click.argument("file", type=click.Path(readable=False, path_type=Path))
@options.option("--job", metavar="NAME", help="Which job of the file, when it has several.")
@options.option(
    "--param",
    "params",
    multiple=True,
    callback=options.pairs,
    metavar="KEY=VALUE",
    help="One of the run's params; repeatable.",
)
@options.option(
    "--date", callback=options.moment, metavar="DATE", help="The run's logical date; UTC if no zone is given."
)
@options.option("--from", "begin", multiple=True, metavar="TASK", help="Run this task and all after it; repeatable.")
@options.option("--until", multiple=True, metavar="TASK", help="Run this task and all before it; repeatable.")
@options.option("--only", multiple=True, metavar="TASK", help="Run this task and no other; repeatable.")
@options.option(
    "--mock",
    "mocks",
    multiple=True,
    callback=mocks_of,
    metavar="TASK=VALUE",
    help="Do not run the task; its output is VALUE: JSON, text, or @FILE with JSON; repeatable.",
)
@options.option("--pdb", "debug", is_flag=True, help="Open Python's debugger at breakpoints and where a task fails.")
@options.output()
@options.project
def command(
    file: Path,
    job: str | None,
    params: dict[str, Any],
    date: dt.datetime | None,
    begin: tuple[str, ...],
    until: tuple[str, ...],
    only: tuple[str, ...],
    mocks: dict[str, Any],
    debug: bool,
    output: str,
    project: Path | None,
) -> int:
    """Run one pipeline to its end, without a fleet.

    All tasks run in one process on this machine; nothing is left behind but their logs, however it ends. Tasks
    whose start_date is later than the run, or whose end_date is earlier, take no part; a run without any task is
    refused.
    A TASK is the id of a task or a group, or a pattern with *. Tasks that --from, --until or --only leave out count
    as succeeded; --mock gives their output to tasks that need it.
    Exit code: 0 the run succeeded, 1 it failed.
    """
    from airfleet.pipelines.local import participation, runner, selection

    if only and (begin or until):
        raise UsageError("--only names every task that runs; it does not go with --from and --until")
    pipeline_file.of_yaml(file, "airfleet run")
    environ = pipeline_file.environment(file, project)
    pipeline = runner.choose(file, None, job, environ)
    chosen = selection.choose(pipeline, selection.Selection(begin, until, only, mocks))
    date = date or dt.datetime.now(dt.UTC)
    for absence in runner.absences(pipeline, date, environ):
        terminal.say(f"task '{absence.task}' takes no part in the run of {participation.day(date)}: {absence.why}")
    if chosen.left_out:
        terminal.say(f"left out, and counted as succeeded: {listed(chosen.left_out)}")
    with _shown(pipeline, chosen.tasks, live=terminal.is_live() and not debug) as show, _told_when_ended(pipeline):
        outcome = runner.run_pipeline(
            file,
            dag_id=pipeline.dag_id,
            job=job,
            params=params,
            logical_date=date,
            chosen=chosen,
            debug=debug,
            on_event=show,
            environ=environ,
        )
    return report(outcome, output)


@contextmanager
def _told_when_ended(pipeline: Pipeline) -> Iterator[None]:
    """Say what became of a run that was ended from outside."""
    try:
        yield
    except (KeyboardInterrupt, Stopped):
        with suppress(OSError):  # the terminal may be gone
            terminal.say(f"the run of '{pipeline.dag_id}' and everything that it started has ended")
        raise


@contextmanager
def _shown(pipeline: Pipeline, tasks: Sequence[str], *, live: bool) -> Iterator[TaskBoard]:
    """Show a board of tasks whose clocks move on while Airflow works."""
    view = progress.view(live=live)
    board = TaskBoard(view, list(tasks), lambda task: sensors.waits_for(pipeline, task))
    over = threading.Event()
    ticker = threading.Thread(target=_tick, args=(view, board, over), daemon=True)
    ticker.start()
    try:
        yield board
    finally:
        over.set()
        ticker.join()
        with suppress(OSError):  # the terminal may be gone
            view.close()


def _tick(view: progress.ProgressView, board: TaskBoard, over: threading.Event) -> None:
    with suppress(OSError):  # the terminal may be gone
        while not over.wait(0.1):
            board.remind(time.monotonic())
            view.tick()


class TaskBoard:
    """The tasks as they are now; called with each event."""

    def __init__(
        self, view: progress.ProgressView, tasks: list[str], waits_for: Callable[[str], str | None] = lambda _: None
    ) -> None:
        self._view = view
        self._began = self._latest = time.monotonic()
        self._items = {task: Item(task, "waiting") for task in tasks}
        self._waits_for = waits_for
        #: what runs: its name, its task, and since when
        self._running: dict[str, tuple[str, float]] = {}
        self._reminded: set[str] = set()
        # A second thread reminds while the first one shows news.
        self._lock = threading.Lock()
        view.show(list(self._items.values()), 0.0)

    def __call__(self, event: TaskEvent) -> None:
        """Show what happened."""
        name = event_name(event)
        with self._lock:
            if event.kind == "started" and name in self._running:
                return  # a sensor that looks again
            self._latest = time.monotonic()
            if name != event.task and self._items.get(event.task, _NOTHING).label == "waiting":
                del self._items[event.task]  # its copies take the place of a mapped task
            self._running.pop(name, None)
            if event.kind == "started":
                self._running[name] = event.task, self._latest
            self._items[name] = _item(event)
            self._view.show(list(self._items.values()), self._latest - self._began)

    def remind(self, now: float) -> None:
        """Say once of each sensor what it waits for, and that nothing runs, when that lasts."""
        with self._lock:
            for name, (task, since) in self._running.items():
                if name not in self._reminded and now - since >= REMIND_SECONDS and (what := self._waits_for(task)):
                    self._remind(name, what, now)
            begun = any(item.label != "waiting" for item in self._items.values())
            if begun and not self._running and now - self._latest >= REMIND_SECONDS:
                for name in [name for name, item in self._items.items() if item.label == "waiting"]:
                    if name not in self._reminded:
                        self._remind(name, "cannot run yet, and nothing else runs; Ctrl-C ends the run", now)

    def _remind(self, name: str, what: str, now: float) -> None:
        self._reminded.add(name)
        label, sentence = f"{self._items[name].label}: {what}", f"{what}"
        self._items[name] = replace(self._items[name], label=label, sentence=sentence, note="")
        self._view.show(list(self._items.values()), now - self._began)


_NOTHING = Item("", "")


def event_name(event: TaskEvent) -> str:
    """Return ``task`` or, when it is mapped, ``task[3]``."""
    return event.task if event.map_index < 0 else f"{event.task}[{event.map_index}]"


def _item(event: TaskEvent) -> Item:
    label, mood = LOOKS[event.kind]
    attempt = f"attempt {event.attempt}" if event.attempt > 1 else ""
    after = f" after {event.seconds:.1f}s" if event.seconds is not None else ""
    why = f": {event.error}" if event.error else ""
    more = f" ({attempt})" if attempt else ""
    return Item(
        name=event_name(event),
        label=label,
        mood=mood,
        seconds=event.seconds if event.kind != "started" else 0.0,
        ticking=event.kind == "started",
        note=event.error or attempt,
        sentence=f"{label}{after}{more}{why}",
    )


def report(outcome: RunOutcome, output: str) -> int:
    """Say how the run ended: data on stdout, what went wrong on stderr; the exit code."""
    if output != "table":
        rows = [_row(event) for event in outcome.tasks]
        tables.put_rows(rows, output, COLUMNS, whole=_whole(outcome, rows))
    terminal.say()
    for event in outcome.tasks:
        if event.kind == "failed":
            terminal.say("\n".join(failure(event)) + "\n")
    end = "succeeded" if outcome.ok else "failed"
    terminal.say(f"'{outcome.dag_id}' {end} after {terminal.seconds(outcome.seconds)}; logs in {outcome.logs}")
    return EXIT_OK if outcome.ok else EXIT_WRONG


def failure(event: TaskEvent) -> Iterator[str]:
    """Describe a failed task."""
    lines = log_filter.telling(last_lines(Path(event.log), LINES_READ), LOG_LINES) if event.log else []
    yield f"{terminal.style('✗', fg='red')} task '{event_name(event)}' failed"
    yield from (f"    {line}" for line in lines)
    if event.error:
        yield f"  {terminal.style(event.error, fg='red')}"
    cause = failure_patterns.likely(event.error or "", lines)
    if cause:
        yield f"  likely cause: {cause.sentence}"
        if cause.advice:
            yield f"  what helps:   {cause.advice}"
    if event.log:
        yield f"  its whole log: {event.log}"


def _row(event: TaskEvent) -> dict[str, Any]:
    return {
        "task": event_name(event),
        "state": LOOKS[event.kind][0],
        "seconds": event.seconds,
        "attempt": event.attempt,
        "error": event.error,
        "log": event.log,
    }


def _whole(outcome: RunOutcome, rows: list[dict[str, Any]]) -> Mapping[str, Any]:
    return {
        "dag_id": outcome.dag_id,
        "run_id": outcome.run_id,
        "state": outcome.state,
        "seconds": outcome.seconds,
        "logs": str(outcome.logs),
        "tasks": rows,
    }
