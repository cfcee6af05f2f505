"""Quorum and partitions: a pure function from what an agent knows of the other hosts to what it does.

Every agent renews a lease in the database. Two rules, which cannot both hold of one host:

- **Takeover.** A quorum may declare a host gone; its attempts then run again elsewhere. The lease of that host must be
  older than LEASE_SECONDS by the database's clock. More than half of the fleet's hosts must have renewed theirs without
  a break for as long. The database checks this itself, in the statement that does it
  (:mod:`airfleet.agent.cluster.leases`).
- **Staying.** A host that could not renew its lease for FENCE_SECONDS ends its own attempts; unless more than half of
  the hosts, itself among them, told it within ANSWER_SECONDS that they cannot renew theirs either. Then nobody can be
  taking over: two majorities have a host in common, and that one would have to renew without a break and be unable to.

So an outage of the database ends no attempt as long as agents see one another. A host that is cut off has ended its
attempts before others begin them again, and a minority that still reaches the database takes nothing over.

A witness, an address that answers whoever reaches it, is one more member of both majorities. It says nothing about
renewing: with it, the argument needs networks that break cleanly, where two who reach the witness reach one another.

With the policy *keep* no host ends anything of its own, and none is taken over before it is back under another boot,
or a person says that it is gone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from airfleet.fleet.config.spec import OnPartition

#: seconds between two renewals of a lease
RENEW_SECONDS = 2.0
#: seconds without a renewal after which a stretch of renewing is broken, and a host counts as one that cannot renew
BREAK_SECONDS = 5.0
#: seconds without a renewal after which a host that is cut off ends its attempts
FENCE_SECONDS = 10.0
#: age of a lease, seconds, from which on its host may be taken over
LEASE_SECONDS = 15.0
#: seconds for which an answer of a peer or of the witness counts
ANSWER_SECONDS = 3.0


@dataclass(frozen=True)
class Lease:
    """Another host's lease, as the database told it. Times are seconds by the database's clock."""

    host: str
    boot: str
    #: whether it runs, as far as the database knows: neither gone nor ended in good order
    up: bool
    age: float
    #: for how long it has been renewed without a break
    steady: float


@dataclass(frozen=True)
class PeerAnswer:
    """Another agent's answer to a direct question."""

    host: str
    #: when the question was asked, by this agent's clock
    at: float
    #: whether it renewed its own lease within BREAK_SECONDS
    renews: bool


@dataclass(frozen=True)
class ClusterView:
    """One agent's knowledge of its cluster. Moments are of its own clock, which never goes back."""

    #: how many hosts the fleet has
    hosts: int
    policy: OnPartition = "replace"
    #: when the last renewal that succeeded was begun; None before the first one
    renewed_at: float | None = None
    #: since when it has been renewing without a break
    steady_since: float | None = None
    #: the leases of the other hosts, as read with the last renewal
    leases: tuple[Lease, ...] = ()
    #: the latest answer of each other host
    answers: tuple[PeerAnswer, ...] = ()
    has_witness: bool = False
    #: when the witness was asked that answered last
    witness_at: float | None = None
    #: whether the database said that others took this host over
    taken_over: bool = False
    #: whether attempts may be running here
    runs: bool = True


@dataclass(frozen=True)
class EndAttempts:
    """End every attempt here at once, and start none before the lease is renewed."""

    #: seconds since the last renewal
    unrenewed_seconds: float

    def __str__(self) -> str:
        return f"its lease was not renewed for {self.unrenewed_seconds:.0f} s, and others may take over"


@dataclass(frozen=True)
class StartAnew:
    """End everything and come back as another boot: this one is gone, as others see it."""


@dataclass(frozen=True)
class TakeOver:
    """Say in the database that a host is gone, if its lease is as old there."""

    host: str
    boot: str


Action: TypeAlias = EndAttempts | StartAnew | TakeOver


def decide(view: ClusterView, now: float) -> tuple[Action, ...]:
    """Decide what the agent has to do at ``now``."""
    if view.taken_over:
        return (StartAnew(),)
    if view.policy == "keep":
        return ()
    if may_run(view, now):
        return tuple(TakeOver(lease.host, lease.boot) for lease in _to_be_taken_over(view, now))
    if not view.runs or view.renewed_at is None:
        return ()
    return (EndAttempts(now - view.renewed_at),)


def may_run(view: ClusterView, now: float) -> bool:
    """Tell whether attempts may run on this host: nobody can be starting the same ones elsewhere."""
    if view.renewed_at is None or view.taken_over:
        return False
    if view.policy == "keep" or now - view.renewed_at <= FENCE_SECONDS:
        return True
    return _nobody_can_take_over(view, now)


def seconds_left(view: ClusterView, now: float) -> float:
    """Return the seconds for which attempts may go on from ``now`` whatever becomes of the agent: the watchdog's term.

    Answers of others hold for a while: whoever could take over later has to renew for LEASE_SECONDS first. It is
    counted in before FENCE_SECONDS are over: the time that is left then would end between two permissions.
    """
    if not may_run(view, now):
        return 0.0
    assert view.renewed_at is not None  # see may_run
    if view.policy == "keep":
        return math.inf
    left = FENCE_SECONDS - (now - view.renewed_at)
    return max(left, FENCE_SECONDS / 2) if _nobody_can_take_over(view, now) else left


def needs_answers(view: ClusterView, now: float) -> bool:
    """Tell whether it is time to ask the others directly."""
    return view.renewed_at is not None and now - view.renewed_at > BREAK_SECONDS


def majority(hosts: int, has_witness: bool) -> int:
    """Return the smallest number that is more than half.

    >>> [majority(1, False), majority(2, False), majority(2, True), majority(3, False), majority(4, False)]
    [1, 2, 2, 2, 3]
    """
    return (hosts + has_witness) // 2 + 1


def _nobody_can_take_over(view: ClusterView, now: float) -> bool:
    fresh = [answer for answer in view.answers if now - answer.at <= ANSWER_SECONDS]
    if any(answer.renews for answer in fresh):
        return False
    witness = _is_fresh(view.witness_at, now)
    return 1 + len({answer.host for answer in fresh}) + witness >= majority(view.hosts, view.has_witness)


def _to_be_taken_over(view: ClusterView, now: float) -> tuple[Lease, ...]:
    assert view.renewed_at is not None  # see decide
    passed = now - view.renewed_at
    if passed > BREAK_SECONDS or view.steady_since is None or now - view.steady_since < LEASE_SECONDS:
        return ()
    old = tuple(lease for lease in view.leases if lease.up and lease.age + passed > LEASE_SECONDS)
    steady = sum(1 for lease in view.leases if lease.up and lease.age <= BREAK_SECONDS and lease.steady > LEASE_SECONDS)
    enough = 1 + steady + _is_fresh(view.witness_at, now) >= majority(view.hosts, view.has_witness)
    return old if enough else ()


def _is_fresh(at: float | None, now: float) -> bool:
    return at is not None and now - at <= ANSWER_SECONDS
