"""The exchange of facts between hosts, over the database: each tells its own, and compares all.

Called from the thread that renews the lease; the agent's loop reads the results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import psycopg

from airfleet.agent import host_facts
from airfleet.agent.cluster.leases import HostIdentity, JoinRecord, Leases
from airfleet.agent.host_facts import HostDifference, HostFacts

#: seconds between two exchanges
EXCHANGE_SECONDS = 5.0


class FactExchange:
    """Facts of all hosts, as last read. ``facts`` gives those of this one, ``order`` is that of ``fleet.yaml``."""

    def __init__(
        self,
        leases: Callable[[], Leases],
        facts: Callable[[], HostFacts],
        order: Sequence[str],
        clock: Callable[[], float],
    ) -> None:
        self._leases = leases
        self._facts = facts
        self._order = order
        self._clock = clock
        #: the digest of what this host has told
        self._told_digest = ""
        self._records: dict[str, JoinRecord] = {}
        self._next_at = 0.0

    def register(self, me: HostIdentity, predecessor: str, *, goes_on: bool) -> int:
        """Register this host with its facts; return how many attempts the incarnation before had left running.

        Raises psycopg.Error, HostNameTaken or JoinRefused (see :meth:`Leases.register`).
        """
        facts = self._facts()
        left = self._leases().register(me, predecessor, facts, goes_on=goes_on)
        self._told_digest = facts.digest
        return left

    def refuse(self, me: HostIdentity, why: str) -> None:
        """Tell the others why this host does not join them."""
        with suppress(psycopg.Error, OSError):
            self._leases().tell(me, self._facts(), why)

    def exchange(self, me: HostIdentity) -> None:
        """Tell the others the facts of this host, and read theirs, when it is time."""
        if self._clock() < self._next_at:
            return
        self._next_at = self._clock() + EXCHANGE_SECONDS
        facts = self._facts()
        with suppress(psycopg.Error, OSError):  # the lease is renewed all the same
            if facts.digest != self._told_digest:
                self._leases().tell(me, facts)
                self._told_digest = facts.digest
            self._records = self._leases().told(self._records)

    def differences(self) -> tuple[HostDifference, ...]:
        """Compare the hosts that are up with the first of them."""
        facts = {host: record.facts for host, record in self._records.items() if not record.refusal}
        return host_facts.differences(facts, self._order)

    def refused(self) -> Mapping[str, str]:
        """Return why hosts did not join a moment ago: name -> sentence."""
        return {host: record.refusal for host, record in self._records.items() if record.refusal}
