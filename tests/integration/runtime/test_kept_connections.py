"""Connections that are kept for single statements: shared, and given up when anything went wrong on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from airfleet.api_server.connection_pool import KeptConnections
from support.databases import NewDatabase

MOST = 3


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """A database."""
    return new_database("kept")


def with_connections(url: str, done: Callable[[KeptConnections], Awaitable[None]]) -> None:
    """Do something with fresh ones."""

    async def do() -> None:
        engine = create_async_engine(url.replace("://", "+psycopg://"), isolation_level="AUTOCOMMIT")
        await done(KeptConnections(engine, MOST))

    asyncio.run(do())


#: takes a moment, so that others come meanwhile
SLOWLY = "SELECT pg_backend_pid() FROM pg_sleep(0.02)"
#: the process that answers late
LATE = "SELECT max(pid) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT ''late''%'"


async def all_in_use(kept: KeptConnections) -> set[int]:
    """The processes of the server that serve many who come at once."""
    return set(await asyncio.gather(*(ask(kept, SLOWLY) for _ in range(4 * MOST))))


async def ask(kept: KeptConnections, query: Any = "SELECT pg_backend_pid()") -> Any:
    async with kept.connection() as connection:
        row = await (await connection.execute(query)).fetchone()
        return row[0] if row else None


def test_as_many_as_there_may_be_serve_all_who_come_at_once_and_stay_open(url: str) -> None:
    async def story(kept: KeptConnections) -> None:
        first = await all_in_use(kept)
        assert len(first) == MOST
        assert {await ask(kept) for _ in range(5)} <= first

    with_connections(url, story)


def test_one_at_a_time_needs_one(url: str) -> None:
    async def story(kept: KeptConnections) -> None:
        assert len({await ask(kept) for _ in range(5)}) == 1

    with_connections(url, story)


def test_each_statement_is_committed_by_itself(url: str) -> None:
    async def story(kept: KeptConnections) -> None:
        async with kept.connection() as connection:
            await connection.execute("CREATE TABLE told AS SELECT 'one' AS what")
        with psycopg.connect(url) as other:
            assert other.execute("SELECT what FROM told").fetchall() == [("one",)]

    with_connections(url, story)


def test_after_the_server_has_ended_all_of_them_one_request_fails(url: str) -> None:
    async def story(kept: KeptConnections) -> None:
        before = await all_in_use(kept)
        with psycopg.connect(url, autocommit=True) as other:
            for pid in before:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        with pytest.raises(psycopg.OperationalError):
            await ask(kept)
        assert (await all_in_use(kept)).isdisjoint(before)

    with_connections(url, story)


def test_a_statement_that_is_refused_costs_its_connection_and_no_other(url: str) -> None:
    async def story(kept: KeptConnections) -> None:
        before = await all_in_use(kept)
        with pytest.raises(psycopg.errors.UndefinedTable):
            await ask(kept, "SELECT 1 FROM nowhere")
        after = await all_in_use(kept)
        assert len(before & after) == MOST - 1
        assert len(after) == MOST

    with_connections(url, story)


def test_the_answer_to_a_question_that_was_given_up_is_nobody_elses(url: str) -> None:
    async def story(kept: KeptConnections) -> None:
        before = await all_in_use(kept)
        asked = asyncio.create_task(ask(kept, "SELECT 'late' FROM pg_sleep(30)"))
        while not (late := await ask(kept, LATE)):
            pass
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        after = await all_in_use(kept)
        assert before - after == {late}
        assert len(after) == MOST

    with_connections(url, story)
