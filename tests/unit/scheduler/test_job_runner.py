"""How long the scheduler's loop rests, and when it looks at heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from airflow.executors.base_executor import BaseExecutor
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from airfleet.metadata import api_availability
from airfleet.metadata.notifications import NotificationListener
from airfleet.scheduler.agenda import Agenda
from airfleet.scheduler.executor import WAIT_SECONDS, FleetExecutor
from airfleet.scheduler.job_runner import FleetSchedulerJobRunner

BUSY, IDLE = True, False


def scheduler_with(executor: BaseExecutor) -> FleetSchedulerJobRunner:
    """A scheduler with this executor alone."""
    scheduler = FleetSchedulerJobRunner(job=Job())
    scheduler.executor, scheduler.executors = executor, [executor]
    return scheduler


def listening() -> FleetExecutor:
    """A fleet's executor, which hears of changes in a database that is never asked here."""
    executor = FleetExecutor()
    executor.listener = NotificationListener("")
    return executor


@pytest.mark.parametrize(
    ("others_wait", "recover_at", "rest"),
    [(False, float("inf"), 5.0), (True, float("inf"), WAIT_SECONDS), (False, 100.5, 0.5), (False, 90.0, 0.0)],
    ids=["nothing", "a callback waits", "recovery is tried again soon", "or now"],
)
def test_the_loop_rests_no_longer_than_until_something_is_tried_again(
    others_wait: bool, recover_at: float, rest: float
) -> None:
    scheduler = scheduler_with(listening())
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
    executor = listening()
    executor.flights = flights  # type: ignore[assignment]
    scheduler = scheduler_with(executor)
    scheduler._planner.any_run = any_run
    found = [object()]
    monkeypatch.setattr(api_availability, "read", lambda session: None)
    monkeypatch.setattr(api_availability, "holding", lambda session, own: frozenset())
    monkeypatch.setattr(SchedulerJobRunner, "_find_task_instances_without_heartbeats", lambda self, session: found)
    assert scheduler._find_task_instances_without_heartbeats(session=None) == (found if asked else [])  # type: ignore[arg-type]


class Stock(FleetSchedulerJobRunner):
    """Notes which of the two passes is made."""

    def _stock_pass(self, session: object) -> int:
        return 1

    def _pass_by_agenda(self, executor: object, news: object, session: object) -> int:
        return 2


@pytest.mark.parametrize("executor", [BaseExecutor(), FleetExecutor()], ids=["another executor", "no listener"])
def test_a_pass_without_news_is_stocks(executor: BaseExecutor) -> None:
    scheduler = Stock(job=Job())
    scheduler.executor, scheduler.executors = executor, [executor]
    assert scheduler._do_scheduling(session=None) == 1  # type: ignore[arg-type]


class Locked(FleetSchedulerJobRunner):
    """A scheduler, whose tasks another one queues just now."""

    def _fetch(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return [(True,)]

    def _critical_section_enqueue_task_instances(self, session: Session) -> int:
        raise OperationalError("another scheduler queues tasks", None, RuntimeError("55P03"))


@pytest.mark.parametrize("has_started", [True, False])
def test_what_a_pass_cannot_finish_is_left_for_the_next_one(has_started: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Locked(job=Job())
    scheduler.executor = listening()
    scheduler.executors = [scheduler.executor]
    monkeypatch.setattr(scheduler, "_start_queued_dagruns", lambda session: None)
    monkeypatch.setattr(scheduler, "_running", lambda exact, whole, session: [])
    scheduler._has_started = has_started
    with Session(create_engine("sqlite://")) as session:
        queued = scheduler._pass(Agenda(start_runs=True, queue_tasks=True), session)
    assert queued == 0
    assert scheduler._planner.left == Agenda(start_runs=has_started, queue_tasks=True)
