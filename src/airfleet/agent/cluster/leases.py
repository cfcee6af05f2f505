"""The table of the fleet's hosts: one row each, renewed by its agent, with the clock of the database alone.

::

    (no row) ──register──> up ──leave──> left
                           │ ^             │
                  takeover │ └──register───┘        another boot, after what the old one left is reported
                           v      ^
                          gone ───┘

``register``: nothing of the host runs yet, or an agent goes on with the incarnation of one that was killed: the same
boot again, as long as its row is *up*. A row of another boot that is still *up* is its own predecessor on this
machine, which is dead, or a lease that is too old to be of anyone alive. Otherwise another machine has the name, and
the agent waits. Jobs and running attempts of the predecessor are reported in the same transaction, so before
anything starts here.

``renew``: tells how the host is and reads all rows. No row of this boot that is *up*: others took it over.

``take over``: one statement compares all that must hold (:mod:`airfleet.agent.cluster.quorum`) and sets *gone*; in the
same transaction the jobs of the host fail and its running attempts are reported lost. Of several hosts that try, one
does.

``tell``: what each host goes by (:mod:`airfleet.agent.host_facts`) stands in a table of its own, written when it has
changed and read by those who do not know it yet. ``register`` compares it, one host after the other, and refuses a host
that would do harm; that one says there why it did not join.

Every statement is bounded by the server, and every wait for it by the socket.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from airfleet.agent.cluster.quorum import BREAK_SECONDS, LEASE_SECONDS, Lease, majority
from airfleet.agent.host_facts import HostFacts, refusal
from airfleet.agent.states import HostState
from airfleet.metadata.advisory_locks import HOST_JOIN
from airfleet.metadata.lost_attempts import REPORT_HOST, WORKER_GONE
from airfleet.system.connection_timeouts import CLIENT

#: of a host that says nothing of what it goes by
NO_FACTS = HostFacts()
#: milliseconds that a statement may take
STATEMENT_MS = 4000

FENCE_HOST: LiteralString = """
UPDATE job SET state = 'failed', end_date = now() WHERE hostname = %(hostname)s AND state = 'running'
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

_FACTS_OF_OTHERS: LiteralString = """
SELECT host, facts FROM airfleet_host_facts JOIN airfleet_host USING (host, boot)
WHERE host <> %(host)s AND state = 'up' AND refusal = ''
AND renewed_at >= clock_timestamp() - make_interval(secs => %(lease)s)
"""
_TELL_FACTS: LiteralString = """
INSERT INTO airfleet_host_facts (host, boot, digest, facts, refusal)
VALUES (%(host)s, %(boot)s, %(digest)s, %(facts)s::jsonb, %(refusal)s)
ON CONFLICT (host) DO UPDATE SET boot = excluded.boot, digest = excluded.digest, facts = excluded.facts,
    refusal = excluded.refusal, told_at = clock_timestamp()
"""
#: of hosts that are up, and of those that tried to join a moment ago
_HEADS: LiteralString = """
SELECT host, digest, refusal FROM airfleet_host_facts AS told
WHERE (refusal <> '' AND told_at >= clock_timestamp() - make_interval(secs => %(lease)s))
OR EXISTS (SELECT FROM airfleet_host AS row WHERE row.host = told.host AND row.boot = told.boot AND state = 'up')
"""
_BODIES: LiteralString = "SELECT host, facts FROM airfleet_host_facts WHERE host = ANY(%(hosts)s)"


@dataclass(frozen=True)
class HostIdentity:
    """This host in one incarnation."""

    host: str
    boot: str
    hostname: str
    pid: int
    address: str
    port: int


@dataclass(frozen=True)
class HostRow:
    """One host, as the database has it. Ages in seconds, by the database's clock."""

    host: str
    boot: str
    state: HostState
    pid: int
    address: str
    port: int
    components: Sequence[Mapping[str, Any]]
    orders: Mapping[str, Any]
    age: float
    steady: float
    since: float
    ended_by: str

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> HostRow:
        """Make the value of a row of :data:`_ALL`, as psycopg gives it."""
        host, boot, state, *rest = row
        return cls(host, boot, HostState(state), *rest)

    @property
    def lease(self) -> Lease:
        """Return the part that decisions need."""
        return Lease(self.host, self.boot, self.state is HostState.UP, self.age, self.steady)


@dataclass(frozen=True)
class JoinRecord:
    """The facts of one host, as it told the others."""

    digest: str
    facts: HostFacts
    #: why it did not join, as a sentence; empty when it did
    refusal: str = ""


class HostNameTaken(Exception):
    """Another machine has this host's name, and is alive."""


class JoinRefused(Exception):
    """This host has other rules than one that is up, and must not join it."""


class Leases:
    """One connection to the table. Every method raises psycopg.Error."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def register(
        self, me: HostIdentity, predecessor: str, facts: HostFacts = NO_FACTS, *, goes_on: bool = False
    ) -> int:
        """Begin an incarnation; return how many attempts the one before had left running.

        ``predecessor`` is the boot of the agent that ran here before and is known to be dead; ``goes_on``: it is this
        incarnation. Raises HostNameTaken, or JoinRefused when the facts of another host forbid it.
        """
        with self._transaction() as connection:
            connection.execute(HOST_JOIN)
            row = connection.execute(_SEEN, {"host": me.host}).fetchone()
            left = 0
            if row is not None and row[1] != me.boot:
                _, boot, hostname, state, age = row
                if state == HostState.UP and boot != predecessor and age <= LEASE_SECONDS:
                    raise HostNameTaken(f"another agent is host '{me.host}' and renewed its lease {age:.0f} s ago")
            _require_alike(connection, me, facts, goes_on)
            if row is not None and row[1] != me.boot:
                left = _report(connection, hostname)
            connection.execute(_REGISTER, _as_parameters(me))
            _tell(connection, me, facts)
        return left

    def tell(self, me: HostIdentity, facts: HostFacts, refusal: str = "") -> None:
        """Tell the others the facts of this host, or why it does not join."""
        with self._transaction() as connection:
            _tell(connection, me, facts, refusal)

    def told(self, known: Mapping[str, JoinRecord]) -> dict[str, JoinRecord]:
        """Read the facts that every host has told; those that are ``known`` already are not read again."""
        with self._transaction() as connection:
            heads = connection.execute(_HEADS, {"lease": LEASE_SECONDS}).fetchall()
            new = [host for host, digest, _ in heads if host not in known or known[host].digest != digest]
            bodies = dict(connection.execute(_BODIES, {"hosts": new}).fetchall()) if new else {}
        facts = {host: HostFacts.from_json(body) for host, body in bodies.items()}
        return {
            host: JoinRecord(digest, facts.get(host) or known[host].facts, refusal)
            for host, digest, refusal in heads
            if host in facts or host in known
        }

    def renew(
        self, me: HostIdentity, components: Sequence[Mapping[str, Any]]
    ) -> tuple[float | None, tuple[HostRow, ...]]:
        """Renew the lease; return the database's time (None: the lease is not ours any more), and all rows."""
        told = {"host": me.host, "boot": me.boot, "break": BREAK_SECONDS, "components": json.dumps(list(components))}
        with self._transaction() as connection:
            renewed = connection.execute(_RENEW, told).fetchone()
            rows = tuple(map(HostRow.of, connection.execute(_ALL).fetchall()))
        return renewed[0] if renewed else None, rows

    def take_over(
        self, host: str, boot: str, by: str, hosts: int, witness: bool | None, *, sure: bool = False
    ) -> int | None:
        """Take a host over; return how many attempts were lost with it, None when the database does not agree.

        ``witness`` is whether it answers, None when the fleet has none. ``sure``: a person has said so.
        """
        needed = majority(hosts, witness is not None) - bool(witness)
        told = {"host": host, "boot": boot, "by": by, "needed": needed, "sure": sure}
        with self._transaction() as connection:
            row = connection.execute(_TAKE_OVER, {**told, "lease": LEASE_SECONDS, "break": BREAK_SECONDS}).fetchone()
            return None if row is None else _report(connection, row[0])

    def leave(self, me: HostIdentity) -> None:
        """End an incarnation in good order; nothing runs any more."""
        with self._transaction() as connection:
            row = connection.execute(_LEAVE, {"host": me.host, "boot": me.boot}).fetchone()
            if row is not None:
                _report(connection, row[0])

    def order(self, host: str, orders: Mapping[str, Any]) -> bool:
        """Write overrides into a host's row; tell whether there is such a host."""
        with self._transaction() as connection:
            row = connection.execute(_ORDER, {"host": host, "orders": json.dumps(dict(orders))}).fetchone()
        return row is not None

    def close(self) -> None:
        """Close the connection."""
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


def _require_alike(connection: psycopg.Connection[Any], me: HostIdentity, facts: HostFacts, goes_on: bool) -> None:
    rows = connection.execute(_FACTS_OF_OTHERS, {"host": me.host, "lease": LEASE_SECONDS}).fetchall()
    others = {host: HostFacts.from_json(found) for host, found in rows}
    if why := refusal(me.host, facts, others, goes_on=goes_on):
        raise JoinRefused(why)


def _tell(connection: psycopg.Connection[Any], me: HostIdentity, facts: HostFacts, refusal: str = "") -> None:
    told = {"host": me.host, "boot": me.boot, "digest": facts.digest, "facts": facts.to_json(), "refusal": refusal}
    connection.execute(_TELL_FACTS, told)


def _report(connection: psycopg.Connection[Any], hostname: str) -> int:
    """Report the jobs and attempts of an incarnation that is over; return how many attempts were lost.

    Only for who knows that nothing runs there: its lease is over, and it ends what it runs before that.
    """
    connection.execute(FENCE_HOST, {"hostname": hostname})
    lost = connection.execute(REPORT_HOST, {"hostname": hostname}).fetchone()
    assert lost is not None, "it counts"
    connection.execute(WORKER_GONE)
    return int(lost[0])


def _as_parameters(me: HostIdentity) -> dict[str, Any]:
    return {field: getattr(me, field) for field in HostIdentity.__dataclass_fields__}
