"""What an agent does about other hosts when the database does not do as it was decided."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.agent.cluster.leases import HostRow, JoinRecord, JoinRefused
from airfleet.agent.cluster.membership import Membership
from airfleet.agent.cluster.quorum import LEASE_SECONDS, TakeOver
from airfleet.agent.host_facts import HostFacts
from airfleet.agent.states import HostState
from airfleet.events import Event
from airfleet.fleet.planning.plan import Neighbours

AROUND = Neighbours(("one", "two", "three"), "replace", "127.0.0.1", 0, "a key")
NOW = 1000.0
UP = HostRow("two", "b", HostState.UP, 2, "127.0.0.1", 8795, (), {}, age=1.0, steady=60.0, since=60.0, ended_by="")
GONE = TakeOver("three", "c")


class Refusing:
    """Leases of which the first takeovers fail: an error is raised, all else returned."""

    def __init__(self, *results: Any) -> None:
        self.results = list(results)

    def take_over(self, *_: object, sure: bool = False) -> int | None:
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result  # type: ignore[no-any-return]


@pytest.fixture
def said() -> list[tuple[Event, dict[str, Any]]]:
    return []


@pytest.fixture
def member(tmp_path: Path, said: list[tuple[Event, dict[str, Any]]]) -> Iterator[Membership]:
    """Host one, which was told a moment ago that two is well and three silent; none of its threads runs."""

    def log(event: Event, **payload: Any) -> None:
        said.append((event, payload))

    made = Membership("one", AROUND, "", tmp_path / "boot", log, lambda: NOW, lambda: (), lambda: None)
    silent = dataclasses.replace(UP, host="three", boot="c", age=LEASE_SECONDS + 1.0)
    known = dataclasses.replace(made._known, renewed_at=NOW, steady_since=NOW - 60.0, rows=(UP, silent), trouble="")
    made._known = known
    yield made
    made._answering.close()


def look_and_obey(member: Membership) -> None:
    for action in member.decide(runs=True):
        assert isinstance(action, TakeOver)
        member.take_over(action)
    assert member._obey(0.0)


@pytest.mark.parametrize("lost", [3, 0])
@pytest.mark.parametrize("failure", [psycopg.OperationalError("the statement took too long"), None])
def test_a_takeover_that_failed_is_tried_again(
    member: Membership, said: list[tuple[Event, dict[str, Any]]], failure: Exception | None, lost: int
) -> None:
    leases = Refusing(failure, failure, lost)
    member._leases = leases  # type: ignore[assignment]
    for left in (2, 1, 0):
        look_and_obey(member)
        assert len(leases.results) == left
    assert said == [(Event.HOST_GONE, {"host": "three", "boot": "c", "lost": lost})]


@pytest.mark.parametrize("lost", [3, 0])
def test_a_host_is_taken_over_once(member: Membership, said: list[tuple[Event, dict[str, Any]]], lost: int) -> None:
    member._leases = Refusing(lost)  # type: ignore[assignment]
    for _ in range(3):  # its row is read again when the lease is renewed
        look_and_obey(member)
    assert member._pending == {GONE}
    assert said == [(Event.HOST_GONE, {"host": "three", "boot": "c", "lost": lost})]


@pytest.mark.parametrize(("lost", "gone"), [(3, True), (0, True), (None, False)])
def test_a_host_that_is_off_as_a_person_says_is_gone_if_the_database_agrees(
    member: Membership, said: list[tuple[Event, dict[str, Any]]], lost: int | None, gone: bool
) -> None:
    member._leases = Refusing(lost)  # type: ignore[assignment]
    member.bury("three")
    assert member._obey(0.0)
    assert said == [(Event.HOST_GONE, {"host": "three", "boot": "c", "lost": lost})] * gone


class Keeping:
    """Leases of a host that the others refuse as long as ``refusal`` says why; what was told, in ``told_of``."""

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.told_of: list[tuple[HostFacts, str]] = []

    def register(self, me: object, predecessor: str, facts: HostFacts, *, goes_on: bool) -> int:
        if self.refusal:
            raise JoinRefused(self.refusal)
        self.told_of.append((facts, ""))
        return 0

    def renew(self, *_: object) -> tuple[float, tuple[HostRow, ...]]:
        return time.time(), (UP,)

    def tell(self, me: object, facts: HostFacts, refusal: str = "") -> None:
        self.told_of.append((facts, refusal))

    def told(self, known: object) -> dict[str, JoinRecord]:
        return {host: JoinRecord(facts.digest, facts, why) for host, (facts, why) in self.others().items()}

    def others(self) -> dict[str, tuple[HostFacts, str]]:
        return {
            "one": self.told_of[-1],
            "two": (HostFacts(pipelines={"a.yaml": "1"}), ""),
            "three": (HostFacts(), "does not join: why"),
        }


@pytest.fixture
def keeper(
    tmp_path: Path, said: list[tuple[Event, dict[str, Any]]]
) -> Iterator[tuple[Membership, Keeping, list[HostFacts]]]:
    """Host one before it has joined, its leases, and what it goes by: the last of a list."""
    now, facts = iter(range(0, 1_000_000, 100)), [HostFacts(pipelines={"a.yaml": "2"})]

    def log(event: Event, **payload: Any) -> None:
        said.append((event, payload))

    made = Membership(
        "one", AROUND, "", tmp_path / "boot", log, lambda: next(now), lambda: (), lambda: None, facts=lambda: facts[-1]
    )
    leases = Keeping()
    made._leases = leases  # type: ignore[assignment]
    yield made, leases, facts
    made._answering.close()


def test_a_host_that_is_refused_says_why_and_joins_when_it_may(
    keeper: tuple[Membership, Keeping, list[HostFacts]], said: list[tuple[Event, dict[str, Any]]]
) -> None:
    member, leases, facts = keeper
    leases.refusal = "does not join: it is another one"
    for _ in range(2):
        member._renew()
        assert (member.refusal, member.trouble) == (leases.refusal, leases.refusal)
        assert not member.may_start()
    assert leases.told_of == [(facts[-1], leases.refusal)] * 2  # the others know it for as long as it tries
    assert said == [(Event.HOST_REFUSED, {"host": "one", "why": leases.refusal})]
    leases.refusal = ""
    member._renew()
    assert (member.refusal, member.trouble) == ("", "")


def test_hosts_that_are_up_are_compared_and_those_that_are_not_say_why(
    keeper: tuple[Membership, Keeping, list[HostFacts]],
) -> None:
    member, _, _ = keeper
    member._renew()
    assert [str(one) for one in member.differences] == [
        "host 'two' has other pipelines than 'one' (1 file differs: a.yaml)"
    ]
    assert member.refused == {"three": "does not join: why"}


def test_what_a_host_goes_by_is_told_when_it_has_changed(keeper: tuple[Membership, Keeping, list[HostFacts]]) -> None:
    member, leases, facts = keeper
    for _ in range(2):
        member._renew()
        assert leases.told_of == [(facts[0], "")]
    facts.append(HostFacts(pipelines={"a.yaml": "1"}))
    for _ in range(2):
        member._renew()
        assert leases.told_of == [(facts[0], ""), (facts[1], "")]
    assert member.differences == ()


def test_a_lease_is_kept_also_where_nobody_can_be_compared(
    keeper: tuple[Membership, Keeping, list[HostFacts]], monkeypatch: pytest.MonkeyPatch
) -> None:
    member, leases, _ = keeper

    def away(known: object) -> dict[str, JoinRecord]:
        raise psycopg.errors.UndefinedTable("airfleet_host_facts")

    monkeypatch.setattr(leases, "told", away)
    member._renew()
    assert member.trouble == ""
    assert member._known.renewed_at is not None
