"""When the scheduler asks what is due by time, and when it does everything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dagrun import DagRun

from airfleet.metadata import api_availability
from airfleet.metadata.notifications import News
from airfleet.scheduler.executor import WAIT_SECONDS, FleetExecutor
from airfleet.scheduler.job_runner import (
    DUE_SECONDS,
    EVERYTHING_SECONDS,
    IDLE_DUE_SECONDS,
    IDLE_EVERYTHING_SECONDS,
    Agenda,
    FleetSchedulerJobRunner,
)

BUSY, IDLE = True, False


class Scheduler(FleetSchedulerJobRunner):
    """Only the part that decides what a pass does; the database's answer is given."""

    def __init__(self, next_dag: float | None, any_run: bool) -> None:
        super().__init__(job=Job())
        self.answer = (False, False, next_dag, [], any_run, False)
        self.asked: list[float] = []
        self.everything: list[float] = []
        self.thorough: list[float] = []

    def _fetch(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self.asked.append(self.now)
        return [self.answer]

    def look(self, now: float, news: News | None = None) -> float:
        """One pass at this time; how long it would wait afterwards."""
        self.now = now
        agenda, patience = self._agenda(SimpleNamespace(freed=False), news or News(), now)  # type: ignore[arg-type]
        if agenda.everything:
            self.everything.append(now)
        if agenda.thorough:
            self.thorough.append(now)
        return patience


def passes(scheduler: Scheduler, until: float, news_at: dict[float, News] | None = None) -> None:
    """A pass a second, as the executor's longest wait has it."""
    for second in range(int(until) + 1):
        scheduler.look(float(second), (news_at or {}).get(second))


@pytest.mark.parametrize(
    ("any_run", "due", "everything"),
    [(BUSY, DUE_SECONDS, EVERYTHING_SECONDS), (IDLE, IDLE_DUE_SECONDS, IDLE_EVERYTHING_SECONDS)],
    ids=["with a run", "without"],
)
def test_how_often_it_asks_depends_on_whether_there_is_a_run(any_run: bool, due: float, everything: float) -> None:
    scheduler = Scheduler(None, any_run)
    passes(scheduler, 60)
    assert scheduler.asked == [float(n) for n in range(0, 61, int(due))]
    assert scheduler.everything == [float(n) for n in range(0, 61, int(everything))]


def test_airflow_looks_at_each_run_every_thirty_seconds_and_when_news_may_have_been_missed() -> None:
    scheduler = Scheduler(None, BUSY)
    passes(scheduler, 90, {42: News(everything=True)})
    assert scheduler.thorough == [0.0, 30.0, 42.0, 72.0]
    assert {0.0, 5.0, 10.0, 42.0, 47.0} <= set(scheduler.everything)


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
    scheduler = Scheduler(None, BUSY)
    scheduler._in_order = {"in order"}
    monkeypatch.setattr(DagRun, "get_running_dag_runs_to_examine", lambda session: iter([seen, new, in_order]))
    agenda = Agenda(everything=True, thorough=thorough)
    assert list(scheduler._runs_to_look_at(agenda, session=None)) == [seen, new, in_order]  # type: ignore[arg-type]
    assert scheduler._doubtful == (set() if thorough else {1})
    assert (seen.last_scheduling_decision > long_ago) is not thorough
    assert (new.last_scheduling_decision, in_order.last_scheduling_decision) == (None, long_ago)


@pytest.mark.parametrize("any_run", [BUSY, IDLE])
def test_it_wakes_for_the_next_dag_when_that_is_due_sooner(any_run: bool) -> None:
    scheduler = Scheduler(0.4, any_run)
    assert scheduler.look(0.0) == 0.4
    assert scheduler.look(0.3) == pytest.approx(0.1)
    scheduler.look(0.4)
    assert scheduler.asked == [0.0, 0.4]


def test_news_end_the_rest() -> None:
    scheduler = Scheduler(None, IDLE)
    passes(scheduler, 12, {7: News(runs=True)})
    assert scheduler.asked == [0.0, 5.0, 8.0]
    assert scheduler.everything == [0.0, 7.0]


@pytest.mark.parametrize(
    ("others_wait", "recover_at", "rest"),
    [(False, float("inf"), 5.0), (True, float("inf"), WAIT_SECONDS), (False, 100.5, 0.5), (False, 90.0, 0.0)],
    ids=["nothing", "a callback waits", "recovery is tried again soon", "or now"],
)
def test_the_loop_rests_no_longer_than_until_something_is_tried_again(
    others_wait: bool, recover_at: float, rest: float
) -> None:
    scheduler = Scheduler(None, IDLE)
    scheduler._others_wait, scheduler._recover_at = others_wait, recover_at
    assert scheduler._bounded(5.0, 100.0) == rest


@pytest.mark.parametrize(
    ("any_run", "flights", "asked"),
    [(IDLE, {}, False), (IDLE, {"one": object()}, True), (BUSY, {}, True)],
    ids=["nothing runs", "an attempt outlives its run", "a run"],
)
def test_heartbeats_are_looked_at_only_while_something_may_run(
    any_run: bool, flights: dict[str, object], asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = Scheduler(None, any_run)
    scheduler._any_run = any_run
    scheduler.executor = FleetExecutor()
    scheduler.executor.flights = flights  # type: ignore[assignment]
    found = [object()]
    monkeypatch.setattr(api_availability, "read", lambda session: None)
    monkeypatch.setattr(api_availability, "holding", lambda session, own: frozenset())
    monkeypatch.setattr(SchedulerJobRunner, "_find_task_instances_without_heartbeats", lambda self, session: found)
    assert scheduler._find_task_instances_without_heartbeats(session=None) == (found if asked else [])  # type: ignore[arg-type]


def test_of_more_news_than_a_pass_has_room_for_only_runs_that_run_are_kept() -> None:
    scheduler = Scheduler(None, BUSY)
    scheduler.now = 0.0
    scheduler.answer = [("dag", "running")]  # type: ignore[assignment]
    scheduler._fetch = lambda query, parameters=(): scheduler.answer  # type: ignore[assignment,method-assign]
    ended = {("dag", f"ended-{number}") for number in range(100)}
    assert scheduler._still_running(ended | {("dag", "running"), ("other", "")}) == {("dag", "running"), ("other", "")}
    scheduler._fetch = lambda query, parameters=(): None  # type: ignore[method-assign,assignment]
    assert scheduler._still_running(ended) == ended


@pytest.mark.parametrize("ended", [10, 1_000])
def test_a_pass_looks_at_the_run_that_runs_among_many_that_have_ended(ended: int) -> None:
    scheduler, looked_at = Scheduler(None, BUSY), []
    scheduler._fetch = lambda query, parameters=(): [("dag", "running")]  # type: ignore[assignment,method-assign]
    scheduler._running = lambda exact, whole, session: looked_at.extend(exact) or []  # type: ignore[method-assign]
    changed = {("dag", f"ended-{number}") for number in range(ended)} | {("dag", "running")}
    scheduler._runs_to_look_at(Agenda(changed=changed), session=None)  # type: ignore[arg-type]
    assert ("dag", "running") in looked_at
    assert not scheduler._left.changed


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([(0, False), (5, False), (10, True)], False),
        ([(0, False), (5, False), (10, False), (13, True)], True),
        ([(0, False), (5, False), (10, False), (40, True), (41, True), (52, False)], False),
        ([(0, False), (10, True), (18, True), (22, True)], True),
    ],
    ids=["it has just begun to look", "it is silent", "nobody was heard", "it does not speak after an outage"],
)
def test_a_scheduler_is_taken_for_silent_when_it_could_have_been_heard(
    answers: list[tuple[float, bool]], found: bool
) -> None:
    scheduler = Scheduler(None, BUSY)
    for now, silent in answers:
        scheduler._note_silence(silent, now)
    assert scheduler._one_is_silent is found


@pytest.mark.parametrize(
    ("news", "doubted"),
    [(News(), False), (News(messages=True), True), (News(everything=True), True)],
    ids=["none", "of a worker that died", "that may have been missed"],
)
def test_messages_are_doubted_when_a_worker_died_or_may_have(
    news: News, doubted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler, executor = Scheduler(None, BUSY), FleetExecutor()
    for name in ("_recover", "_give_back_callbacks", "adopt_or_reset_orphaned_tasks"):
        monkeypatch.setattr(scheduler, name, lambda *_: None)
    executor._reconciler.sent("a message", "a queue", 0.0)
    scheduler._look_after_the_lost(executor, news, 0.0)
    assert executor._reconciler.watched["a message"].doubted is doubted


def test_what_a_silent_scheduler_left_is_adopted_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(None, BUSY)
    adopted: list[float] = []
    for name in ("_recover", "_give_back_callbacks"):
        monkeypatch.setattr(scheduler, name, lambda *_: None)
    for second in range(12):
        monkeypatch.setattr(scheduler, "adopt_or_reset_orphaned_tasks", lambda second=second: adopted.append(second))
        scheduler._one_is_silent = second != 7
        scheduler._look_after_the_lost(FleetExecutor(), News(), float(second))
    assert adopted == [0, 5, 10]
