"""What an agent does about other hosts when the database does not do as it was decided."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.agent.deciding import LEASE_SECONDS, TakeOver
from airfleet.agent.leases import Row
from airfleet.agent.membership import Membership
from airfleet.events import Event
from airfleet.fleet.plan import Neighbours

AROUND = Neighbours(("one", "two", "three"), "replace", "127.0.0.1", 0, "a key")
NOW = 1000.0
UP = Row("two", "b", "up", 2, "127.0.0.1", 8795, (), {}, age=1.0, steady=60.0, since=60.0, ended_by="")
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
    member.look(runs=True)
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
