"""The table of the fleet's hosts: one row each, renewed by its agent, with the clock of the database alone.

::

    (no row) ──register──> up ──leave──> left
                           │ ^             │
                  takeover │ └──register───┘        another boot, after what the old one left is reported
                           v      ^
                          gone ───┘

``register``: nothing of the host runs yet, or an agent goes on with the life of one that was killed: the same boot
again, as long as its row is *up*. A row of another boot that is still *up* is its own predecessor on this
machine, which is dead, or a lease that is too old to be of anyone alive; otherwise another machine has the name, and
the agent waits. What the predecessor left in the database (jobs, running attempts) is reported in the same transaction,
so before anything starts here.

``renew``: tells how the host is and reads all rows. No row of this boot that is *up*: others took it over.

``take over``: one statement compares all that must hold (:mod:`airfleet.agent.deciding`) and sets *gone*; in the same
transaction the jobs of the host fail and its running attempts are reported lost. Of several hosts that try, one does.

Every statement is bounded by the server, and every wait for it by the socket.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from airfleet.agent import fencing
from airfleet.agent.deciding import BREAK_SECONDS, LEASE_SECONDS, Lease, majority
from airfleet.libpq import CLIENT
from airfleet.runtime.losses import WORKER_GONE

#: milliseconds that a statement may take
STATEMENT_MS = 4000

CREATE: LiteralString = """
CREATE TABLE IF NOT EXISTS airfleet_host (
    host text PRIMARY KEY,
    boot text NOT NULL,
    hostname text NOT NULL,
    pid int NOT NULL,
    address text NOT NULL,
    port int NOT NULL,
    state text NOT NULL DEFAULT 'up',
    components jsonb NOT NULL DEFAULT '[]',
    orders jsonb NOT NULL DEFAULT '{}',
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    renewed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    steady_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    ended_by text
)
"""

_SEEN: LiteralString = """
SELECT host, boot, hostname, state, extract(epoch FROM clock_timestamp() - renewed_at)::float
FROM airfleet_host WHERE host = %(host)s FOR UPDATE
"""
_REGISTER: LiteralString = """
INSERT INTO airfleet_host (host, boot, hostname, pid, address, port)
VALUES (%(host)s, %(boot)s, %(hostname)s, %(pid)s, %(address)s, %(port)s)
ON CONFLICT (host) DO UPDATE SET
    boot = excluded.boot, hostname = excluded.hostname, pid = excluded.pid, address = excluded.address,
    port = excluded.port, state = 'up', components = '[]', started_at = clock_timestamp(),
    renewed_at = clock_timestamp(), steady_since = clock_timestamp(), ended_at = NULL, ended_by = NULL
WHERE airfleet_host.boot <> excluded.boot OR airfleet_host.state = 'up'
"""
_RENEW: LiteralString = """
UPDATE airfleet_host SET
    steady_since = CASE WHEN clock_timestamp() - renewed_at > make_interval(secs => %(break)s)
                        THEN clock_timestamp() ELSE steady_since END,
    renewed_at = clock_timestamp(), components = %(components)s::jsonb
WHERE host = %(host)s AND boot = %(boot)s AND state = 'up'
RETURNING extract(epoch FROM clock_timestamp())::float
"""
_ALL: LiteralString = """
SELECT host, boot, state, pid, address, port, components, orders,
       extract(epoch FROM clock_timestamp() - renewed_at)::float,
       extract(epoch FROM clock_timestamp() - steady_since)::float,
       extract(epoch FROM clock_timestamp() - started_at)::float, coalesce(ended_by, '')
FROM airfleet_host ORDER BY host
"""
_TAKE_OVER: LiteralString = """
UPDATE airfleet_host SET state = 'gone', ended_at = clock_timestamp(), ended_by = %(by)s
WHERE host = %(host)s AND boot = %(boot)s AND state = 'up'
AND (%(sure)s OR renewed_at < clock_timestamp() - make_interval(secs => %(lease)s))
AND (%(sure)s OR %(needed)s <= (
    SELECT count(*) FROM airfleet_host
    WHERE state = 'up' AND renewed_at > clock_timestamp() - make_interval(secs => %(break)s)
    AND steady_since < clock_timestamp() - make_interval(secs => %(lease)s)
))
RETURNING hostname
"""
_LEAVE: LiteralString = """
UPDATE airfleet_host SET state = 'left', ended_at = clock_timestamp(), components = '[]'
WHERE host = %(host)s AND boot = %(boot)s AND state = 'up' RETURNING hostname
"""
#: a value of null takes an order back
_ORDER: LiteralString = """
UPDATE airfleet_host SET orders = jsonb_strip_nulls(orders || %(orders)s::jsonb) WHERE host = %(host)s RETURNING host
"""


@dataclass(frozen=True)
class Me:
    """This host in one life of its agent."""

    host: str
    boot: str
    hostname: str
    pid: int
    address: str
    port: int


@dataclass(frozen=True)
class Row:
    """One host, as the database has it. Ages in seconds, by the database's clock."""

    host: str
    boot: str
    #: ``up``, ``gone`` (others took it over) or ``left`` (it ended in good order)
    state: str
    pid: int
    address: str
    port: int
    components: Sequence[Mapping[str, Any]]
    orders: Mapping[str, Any]
    age: float
    steady: float
    since: float
    ended_by: str

    @property
    def lease(self) -> Lease:
        """What decisions need of it."""
        return Lease(self.host, self.boot, self.state == "up", self.age, self.steady)


class NameTaken(Exception):
    """Another machine has this host's name, and is alive."""


class Leases:
    """One connection to the table. Every method raises psycopg.Error."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def register(self, me: Me, predecessor: str) -> int:
        """Begin a life; how many attempts the one before had left running.

        ``predecessor`` is the boot of the agent that ran here before and is known to be dead. Raises NameTaken.
        """
        with self._transaction() as connection:
            row = connection.execute(_SEEN, {"host": me.host}).fetchone()
            left = 0
            if row is not None and row[1] != me.boot:
                _, boot, hostname, state, age = row
                if state == "up" and boot != predecessor and age <= LEASE_SECONDS:
                    raise NameTaken(f"another agent is host '{me.host}' and renewed its lease {age:.0f} s ago")
                left = _report(connection, hostname)
            connection.execute(_REGISTER, _as_parameters(me))
        return left

    def renew(self, me: Me, components: Sequence[Mapping[str, Any]]) -> tuple[float | None, tuple[Row, ...]]:
        """Renew the lease; when that was by the database's clock (None: it is not ours any more), and all rows."""
        told = {"host": me.host, "boot": me.boot, "break": BREAK_SECONDS, "components": json.dumps(list(components))}
        with self._transaction() as connection:
            renewed = connection.execute(_RENEW, told).fetchone()
            rows = tuple(Row(*row) for row in connection.execute(_ALL).fetchall())
        return renewed[0] if renewed else None, rows

    def take_over(
        self, host: str, boot: str, by: str, hosts: int, witness: bool | None, *, sure: bool = False
    ) -> int | None:
        """Say that a host is gone; how many attempts were lost with it, None when it is not so.

        ``witness`` is whether it answers, None when the fleet has none. ``sure``: a person has said so.
        """
        needed = majority(hosts, witness is not None) - bool(witness)
        told = {"host": host, "boot": boot, "by": by, "needed": needed, "sure": sure}
        with self._transaction() as connection:
            row = connection.execute(_TAKE_OVER, {**told, "lease": LEASE_SECONDS, "break": BREAK_SECONDS}).fetchone()
            return None if row is None else _report(connection, row[0])

    def leave(self, me: Me) -> None:
        """End a life in good order; nothing runs any more."""
        with self._transaction() as connection:
            row = connection.execute(_LEAVE, {"host": me.host, "boot": me.boot}).fetchone()
            if row is not None:
                _report(connection, row[0])

    def order(self, host: str, orders: Mapping[str, Any]) -> bool:
        """Tell a host's agent what to do from now on; whether there is such a host."""
        with self._transaction() as connection:
            row = connection.execute(_ORDER, {"host": host, "orders": json.dumps(dict(orders))}).fetchone()
        return row is not None

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _transaction(self) -> _Transaction:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._url,
                application_name="airfleet lease",
                options=f"-c statement_timeout={STATEMENT_MS} -c lock_timeout={STATEMENT_MS}",
                **CLIENT,
            )
        return _Transaction(self)


class _Transaction:
    """One transaction; whatever goes wrong, the next one has a connection of its own."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        assert leases._connection is not None
        self._connection = leases._connection

    def __enter__(self) -> psycopg.Connection[Any]:
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._leases.close()
            return
        try:
            self._connection.commit()
        except BaseException:
            self._leases.close()
            raise


def install(connection: psycopg.Connection[Any]) -> None:
    """Make the table where it is not there yet."""
    connection.execute(CREATE)


def _report(connection: psycopg.Connection[Any], hostname: str) -> int:
    """Tell of a host's life what its agent cannot tell any more."""
    lost = fencing.host_gone(_Asks(connection), hostname)
    connection.execute(WORKER_GONE)
    return lost


@dataclass(frozen=True)
class _Asks:
    connection: psycopg.Connection[Any]

    def rows(self, query: LiteralString, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, parameters).fetchall()


def _as_parameters(me: Me) -> dict[str, Any]:
    return {field: getattr(me, field) for field in Me.__dataclass_fields__}
