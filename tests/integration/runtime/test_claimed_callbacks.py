"""Claims on callbacks of the executor in a real database: one scheduler sees to each, and another one when it dies."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from airflow.executors.workloads.callback import CallbackFetchMethod
from airflow.jobs.job import Job
from airflow.models.base import Base
from airflow.models.callback import Callback, ExecutorCallback
from airflow.models.team import Team
from airflow.models.trigger import Trigger
from airflow.sdk import SyncCallback
from airflow.utils.state import CallbackState, JobState
from sqlalchemy import create_engine, delete, select, text
from sqlalchemy.orm import Session

from airfleet.metadata.migrations import runner
from airfleet.scheduler import callback_claims
from support.databases import NewDatabase, with_tables

LIVES, DIES = 1, 2


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    made = new_database("claims")
    with psycopg.connect(made, autocommit=True) as connection:
        runner.apply(connection)
    return with_tables(made, Base.metadata, Team, Trigger, Job, Callback)


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    engine = create_engine(url)
    with Session(engine) as opened:
        for number in (LIVES, DIES):
            opened.add(Job(id=number, job_type="SchedulerJob", state=JobState.RUNNING))
        opened.commit()
        yield opened
        opened.rollback()
        for model in (Callback, Job):
            opened.execute(delete(model))
        opened.execute(text("DELETE FROM airfleet_callback"))
        opened.commit()
    engine.dispose()


def ask(session: Session, count: int) -> list[UUID]:
    """Deadlines are missed: their callbacks wait."""
    made = [ExecutorCallback(SyncCallback("builtins.print"), CallbackFetchMethod.IMPORT_PATH) for _ in range(count)]
    for one in made:
        one.state = CallbackState.PENDING
    session.add_all(made)
    session.commit()
    return [one.id for one in made]


def queue(session: Session, job: int, *callbacks: UUID) -> None:
    """As a scheduler does with what waits."""
    for one in callbacks:
        session.get_one(Callback, one).state = CallbackState.QUEUED
    session.flush()
    callback_claims.claim(session, job, callbacks)
    session.commit()


def states(session: Session) -> dict[UUID, str | None]:
    session.expire_all()
    return {one.id: one.state for one in session.scalars(select(Callback))}


def test_what_a_dead_scheduler_had_queued_waits_again_and_is_known_to_have_been_queued(session: Session) -> None:
    of_living, of_dead, new = ask(session, 3)
    queue(session, LIVES, of_living)
    queue(session, DIES, of_dead)
    assert callback_claims.give_back(session, LIVES, [of_living]) == 0
    session.get_one(Job, DIES).state = JobState.FAILED
    assert callback_claims.give_back(session, LIVES, [of_living]) == 1
    session.commit()
    assert callback_claims.waiting(session) == {of_dead: True, new: False}
    queue(session, LIVES, of_dead, new)
    assert callback_claims.give_back(session, LIVES, [of_living, of_dead, new]) == 0
    assert set(states(session).values()) == {CallbackState.QUEUED}


def test_what_a_scheduler_has_lost_sight_of_waits_again_and_nobody_elses(session: Session) -> None:
    seen, forgotten, of_other = ask(session, 3)
    queue(session, LIVES, seen, forgotten)
    queue(session, DIES, of_other)
    assert callback_claims.give_back(session, LIVES, [seen]) == 1
    session.commit()
    assert callback_claims.waiting(session) == {forgotten: True}


def test_what_nobody_had_claimed_waits_again_and_what_is_over_does_not(session: Session) -> None:
    unclaimed, over = ask(session, 2)
    queue(session, DIES, over)
    session.get_one(Callback, unclaimed).state = CallbackState.QUEUED
    session.get_one(Callback, over).state = CallbackState.SUCCESS
    session.get_one(Job, DIES).state = JobState.FAILED
    session.flush()
    assert callback_claims.give_back(session, LIVES, []) == 1
    session.commit()
    assert states(session) == {unclaimed: CallbackState.PENDING, over: CallbackState.SUCCESS}
    assert session.scalars(text("SELECT callback_id FROM airfleet_callback")).all() == []


def test_one_scheduler_at_a_time_queues_callbacks(session: Session, url: str) -> None:
    engine = create_engine(url)
    with Session(engine) as other:
        assert callback_claims.may_queue(session)
        assert not callback_claims.may_queue(other)
        session.commit()
        assert callback_claims.may_queue(other)
    engine.dispose()
