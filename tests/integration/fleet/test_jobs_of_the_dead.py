"""What is said of jobs on a real PostgreSQL: only of those that run still."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from airfleet.agent.cluster import leases
from airfleet.agent.recovery import job_fencing
from support.databases import NewDatabase


@pytest.fixture
def database(new_database: NewDatabase) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(new_database("jobs"), autocommit=True) as db:
        db.execute("CREATE TABLE job (id int, hostname text, state text, end_date timestamptz)")
        for job in ((1, "a", "running"), (2, "a", "success"), (3, "a", "running"), (4, "b", "running")):
            db.execute("INSERT INTO job (id, hostname, state) VALUES (%s, %s, %s)", job)
        yield db


def failed(database: psycopg.Connection[Any]) -> list[int]:
    return [number for (number,) in database.execute("SELECT id FROM job WHERE state = 'failed' ORDER BY id")]


def test_the_job_of_a_dead_component_fails_unless_it_has_ended(database: psycopg.Connection[Any]) -> None:
    assert database.execute(job_fencing.FENCE, (1,)).fetchall() == [(1,)]
    assert database.execute(job_fencing.FENCE, (1,)).fetchall() == []
    assert database.execute(job_fencing.FENCE, (2,)).fetchall() == []
    assert failed(database) == [1]
    assert database.execute("SELECT id FROM job WHERE end_date IS NOT NULL").fetchall() == [(1,)]


def test_the_jobs_of_a_host_that_is_gone_fail_unless_they_have_ended(database: psycopg.Connection[Any]) -> None:
    database.execute(leases.FENCE_HOST, {"hostname": "a"})
    assert failed(database) == [1, 3]
