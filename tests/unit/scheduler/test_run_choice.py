"""Which runs of a pass Airflow looks at, and what becomes of the others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dagrun import DagRun
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from sqlalchemy import create_engine

from airfleet.scheduler import run_choice
from airfleet.scheduler.agenda import Agenda
from airfleet.scheduler.job_runner import FleetSchedulerJobRunner

B, C = uuid4(), uuid4()
LATEST = uuid4()
HOUR = dt.timedelta(hours=1)
NOW = dt.datetime.now(dt.UTC)


def chain(timeout: dt.timedelta | None = None) -> Any:
    """``a``, ``b``, ``c``, one after the other, as the scheduler sees it."""
    with DAG("chain", schedule=None, dagrun_timeout=timeout) as dag:
        a, b, c = (PythonOperator(task_id=name, python_callable=print) for name in "abc")
        a >> b >> c
    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


class Run:
    """What is asked of a run."""

    def __init__(self, number: int, bundle_version: str | None = None) -> None:
        self.id = number
        self.dag_id, self.run_id = "chain", f"run {number}"
        self.bundle_version = bundle_version
        self.start_date = NOW - HOUR / 2


class Scheduler(FleetSchedulerJobRunner):
    """The part that looks at runs; the database's answers and the Dag are given."""

    def __init__(self, rows: Sequence[tuple[Any, ...]] | None, dag: Any, doubtful: set[int]) -> None:
        super().__init__(job=Job())
        self.rows = rows
        self.scheduler_dag_bag = SimpleNamespace(get_dag_for_run=lambda dag_run, session: dag)  # type: ignore[assignment]
        self._dags.latest["chain"] = LATEST
        self._agrees = dict.fromkeys(doubtful, LATEST)
        self._doubtful = doubtful

    def _fetch(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]] | None:
        assert query == run_choice.UNSUCCESSFUL
        wanted = set(zip(*parameters, strict=True))
        return None if self.rows is None else [row for row in self.rows if row[:2] in wanted]


class Story:
    """What is done, in its order; session and guard of a pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[Any] = []
        monkeypatch.setattr(SchedulerJobRunner, "_schedule_dag_run", lambda _, run, session: self.airflow(run))

    def airflow(self, run: Any) -> None:
        """Airflow's own look at a run."""
        run.dag = None
        self.told.append(("Airflow looks at", run.id))

    def execute(self, statement: Any, told: dict[str, Any]) -> None:
        """The one statement of ours."""
        assert statement is run_choice.SCHEDULE
        self.told.append(("start", told["ids"]))

    def get_bind(self) -> Any:
        """The database whose refusals are noticed; nothing is asked of it."""
        return create_engine("sqlite://")

    def commit(self) -> None:
        """Of the guard."""
        self.told.append("commit")


def of(number: int, *rows: tuple[str, str | None, list[UUID]]) -> list[tuple[Any, ...]]:
    return [("chain", f"run {number}", *row) for row in rows]


NEXT = (("b", None, [B]), ("c", None, [C]))
GOES_ON = (("b", "running", []), ("c", None, [C]))
FAILED = (("b", "failed", []), ("c", None, [C]))


def look(
    monkeypatch: pytest.MonkeyPatch,
    rows: list[tuple[Any, ...]] | None,
    runs: list[Run],
    dag: Any = None,
    **changes: Any,
) -> list[Any]:
    """What one pass does about these runs, all of which were looked at before."""
    story = Story(monkeypatch)
    pass_ = Scheduler(rows, dag or chain(), {run.id for run in runs})
    for name, value in changes.items():
        setattr(pass_, name, value)
    pass_._schedule_all_dag_runs(story, runs, story)  # type: ignore[arg-type]
    return story.told


def test_what_can_start_starts_by_one_statement_after_airflow_has_looked_at_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [*of(1, *NEXT), *of(2, *FAILED), *of(3, *GOES_ON), *of(4, ("c", None, [C]))]
    told = look(monkeypatch, rows, [Run(1), Run(2), Run(3), Run(4)])
    assert told == [("Airflow looks at", 2), "commit", ("start", [B, C]), "commit"]


def test_nothing_is_written_where_nothing_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(monkeypatch, of(1, *GOES_ON), [Run(1)]) == ["commit"]


@pytest.mark.parametrize(
    ("rows", "dag", "changes"),
    [
        (of(1, *NEXT), None, {"_doubtful": set()}),
        (None, None, {}),
        ([], None, {}),
        (of(1, *NEXT), chain(timeout=HOUR / 4), {}),
        (of(1, *NEXT), None, {"_agrees": {}}),
        (of(1, *NEXT), None, {"_agrees": {1: uuid4()}}),
    ],
    ids=["first look", "no answer", "all succeeded", "overdue", "unknown tasks", "a new version of its Dag"],
)
def test_airflow_looks_at_what_is_not_plain(
    monkeypatch: pytest.MonkeyPatch, rows: list[tuple[Any, ...]] | None, dag: Any, changes: dict[str, Any]
) -> None:
    assert look(monkeypatch, rows, [Run(1)], dag, **changes) == [("Airflow looks at", 1), "commit"]


def test_a_run_of_a_release_keeps_its_tasks_whatever_the_latest_version_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told = look(monkeypatch, of(1, *NEXT), [Run(1, bundle_version="3")], _agrees={})
    assert told == ["commit", ("start", [B]), "commit"]


def test_a_run_that_has_time_left_is_not_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    told = look(monkeypatch, of(1, *NEXT), [Run(1)], chain(timeout=HOUR))
    assert ("start", [B]) in told


@pytest.mark.parametrize("thorough", [False, True])
def test_without_a_reason_the_states_of_tasks_decide_where_they_can_and_every_run_has_its_turn(
    monkeypatch: pytest.MonkeyPatch, thorough: bool
) -> None:
    long_ago = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    seen, new, in_order = (
        SimpleNamespace(id=1, dag_id="chain", last_scheduling_decision=long_ago),
        SimpleNamespace(id=2, dag_id="chain", last_scheduling_decision=None),
        SimpleNamespace(id=3, dag_id="in order", last_scheduling_decision=long_ago),
    )
    scheduler = FleetSchedulerJobRunner(job=Job())
    scheduler._in_order = {"in order"}
    monkeypatch.setattr(DagRun, "get_running_dag_runs_to_examine", lambda session: iter([seen, new, in_order]))
    agenda = Agenda(everything=True, thorough=thorough)
    assert list(scheduler._runs_to_look_at(agenda, Agenda(), session=None)) == [seen, new, in_order]  # type: ignore[arg-type]
    assert scheduler._doubtful == (set() if thorough else {1})
    assert (seen.last_scheduling_decision > long_ago) is not thorough
    assert (new.last_scheduling_decision, in_order.last_scheduling_decision) == (None, long_ago)


def test_of_more_news_than_a_pass_has_room_for_only_runs_that_run_are_kept() -> None:
    scheduler = FleetSchedulerJobRunner(job=Job())
    scheduler._fetch = lambda query, parameters=(): [("dag", "running")]  # type: ignore[method-assign]
    ended = {("dag", f"ended-{number}") for number in range(100)}
    assert scheduler._still_running(ended | {("dag", "running"), ("other", "")}) == {("dag", "running"), ("other", "")}
    scheduler._fetch = lambda query, parameters=(): None  # type: ignore[method-assign]
    assert scheduler._still_running(ended) == ended


@pytest.mark.parametrize("ended", [10, 1_000])
def test_a_pass_looks_at_the_run_that_runs_among_many_that_have_ended(ended: int) -> None:
    scheduler, looked_at, left = FleetSchedulerJobRunner(job=Job()), [], Agenda()
    scheduler._fetch = lambda query, parameters=(): [("dag", "running")]  # type: ignore[method-assign]
    scheduler._running = lambda exact, whole, session: looked_at.extend(exact) or []  # type: ignore[method-assign]
    changed = {("dag", f"ended-{number}") for number in range(ended)} | {("dag", "running")}
    scheduler._runs_to_look_at(Agenda(changed=changed), left, session=None)  # type: ignore[arg-type]
    assert ("dag", "running") in looked_at
    assert not left.changed
