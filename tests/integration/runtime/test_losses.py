"""What is asked and reported of lost attempts on a real PostgreSQL: those of one host that run, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from airfleet.metadata import lost_attempts
from airfleet.metadata.migrations import runner
from support.databases import NewDatabase

#: as much of Airflow's table as is asked for
TABLE = (
    "CREATE TABLE task_instance (id uuid, hostname text, state text, external_executor_id text, pid int,"
    " last_heartbeat_at timestamptz, dag_id text DEFAULT 'd', run_id text DEFAULT 'r', task_id text DEFAULT 't',"
    " map_index int DEFAULT -1, try_number int DEFAULT 1)"
)
RUNS, CLEARED, OVER, ELSEWHERE = (f"0199aaaa-0000-7000-8000-00000000000{number}" for number in range(4))


@pytest.fixture
def database(new_database: NewDatabase) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(new_database("losses"), autocommit=True) as db:
        db.execute(TABLE)
        runner.apply(db)
        for row in (
            (RUNS, "here", "running", "celery"),
            (CLEARED, "here", "restarting", None),
            (OVER, "here", "success", "celery"),
            (ELSEWHERE, "there", "running", "celery"),
        ):
            db.execute(
                "INSERT INTO task_instance (id, hostname, state, external_executor_id, pid, last_heartbeat_at)"
                " VALUES (%s, %s, %s, %s, 7, to_timestamp(100))",
                row,
            )
        yield db


def lost(database: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    return database.execute("SELECT ti_id::text, celery_id FROM airfleet_lost ORDER BY ti_id").fetchall()


def test_what_runs_here_is_what_this_host_has_and_what_is_not_over(database: psycopg.Connection[Any]) -> None:
    assert sorted(database.execute(lost_attempts.RUNNING_HERE, ("here",)).fetchall()) == [
        (RUNS, 7, False, 100.0, "celery"),
        (CLEARED, 7, True, 100.0, ""),
    ]


def test_of_what_is_called_lost_that_is_reported_once_which_runs_here_even_now(
    database: psycopg.Connection[Any],
) -> None:
    told = {"ids": [RUNS, OVER, ELSEWHERE], "celery_ids": ["celery"] * 3, "hostname": "here"}
    assert database.execute(lost_attempts.REPORT, told).fetchone() == (1, 1)
    assert database.execute(lost_attempts.REPORT, told).fetchone() == (0, 0)
    assert lost(database) == [(RUNS, "celery")]


def test_of_a_host_that_is_gone_all_is_reported_that_ran_there(database: psycopg.Connection[Any]) -> None:
    assert database.execute(lost_attempts.REPORT_HOST, {"hostname": "here"}).fetchone() == (2, 1)
    assert lost(database) == [(RUNS, "celery"), (CLEARED, "")]


def test_what_was_handled_is_kept_for_some_days(database: psycopg.Connection[Any]) -> None:
    database.execute(lost_attempts.REPORT_HOST, {"hostname": "here"})
    for days, left in ((lost_attempts.KEPT_DAYS - 1, 2), (lost_attempts.KEPT_DAYS + 1, 0)):
        database.execute(f"UPDATE airfleet_lost SET handled_at = now() - interval '{days} days'".encode())
        lost_attempts.forget_old(database)
        assert len(lost(database)) == left
