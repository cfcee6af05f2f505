"""Connections to Airflow's database for statements that are transactions by themselves.

They are opened by SQLAlchemy's engine, so with all that Airflow's settings say about that, and then used as psycopg's
own. Between a statement and its answer SQLAlchemy has a change of context for each step, a result with its types, and
the end of a transaction that there never was: a quarter of what the api-server did for an attempt.

States of a connection: free -> used -> free, or closed when anything went wrong while it was used: what it waits for is
not known then. A request that finds none free waits for the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, cast

from psycopg import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncEngine

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]


class KeptConnections:
    """At the most ``most`` connections of an engine, which commit each statement by itself; none is closed unused."""

    def __init__(self, engine: AsyncEngine, most: int) -> None:
        self.engine = engine
        #: the latest used last
        self._free: list[Connection] = []
        self._places = asyncio.Semaphore(most)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection for the block. Raises what SQLAlchemy and psycopg raise."""
        async with self._places:
            ours = self._free.pop() if self._free else await self._open()
            try:
                yield ours
            except BaseException:
                await self._give_up(ours)
                raise
            self._free.append(ours)

    async def _open(self) -> Connection:
        opened = await self.engine.raw_connection()
        ours = cast("Connection", opened.driver_connection)
        opened.detach()  # from now on nobody else sees to it
        return ours

    async def _give_up(self, ours: Connection) -> None:
        if ours.broken:  # and so may be those that were free meanwhile
            for free in self._free:
                await free.close()
            self._free.clear()
        await ours.close()
