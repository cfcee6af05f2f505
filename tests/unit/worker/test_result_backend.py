"""What schedulers read of workers' failures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from airflow import settings
from airflow.utils.session import create_session
from celery import Celery
from sqlalchemy import text
from sqlalchemy.orm import scoped_session, sessionmaker

from airfleet.worker.result_backend import SchedulerOutcomes


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlalchemy.Engine]:
    """A database with the table of outcomes, and one that may be written meanwhile."""
    made = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/airflow.db")
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE airfleet_outcome (key text PRIMARY KEY, value text)"))
        connection.execute(text("INSERT INTO airfleet_outcome VALUES ('known', 'failed')"))
        connection.execute(text("CREATE TABLE airfleet_lost (number int, outcome text)"))
    monkeypatch.setattr(settings, "Session", scoped_session(sessionmaker(bind=made)))
    monkeypatch.setattr(settings, "NonScopedSession", sessionmaker(bind=made))
    yield made
    made.dispose()


def test_who_reads_outcomes_in_a_transaction_keeps_it_with_its_locks(engine: sqlalchemy.Engine) -> None:
    outcomes = SchedulerOutcomes(Celery(set_as_current=False))
    with create_session() as session:
        transaction = session.begin()
        assert outcomes.mget(["known", b"known", "unknown"]) == ["failed", "failed", None]
        assert outcomes.get("known") == "failed"
        assert transaction.is_active
        session.execute(text("INSERT INTO airfleet_lost VALUES (1, 'rerun')"))
        assert outcomes.mget(["known"]) == ["failed"]
        session.rollback()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM airfleet_lost")) == 0


def test_an_outcome_that_was_dealt_with_is_gone(engine: sqlalchemy.Engine) -> None:
    outcomes = SchedulerOutcomes(Celery(set_as_current=False))
    outcomes.delete("known")
    assert outcomes.mget(["known"]) == [None]
    assert outcomes.mget([]) == []
