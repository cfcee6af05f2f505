"""An agent looks at its database before it starts anything that would use it, until it may be used."""

from __future__ import annotations

import threading

import pytest

from airfleet.agent.database.finding import FIT, DatabaseFinding, DatabaseVerdict
from airfleet.agent.supervisor.database_gate import LONG_PAUSE_SECONDS, PAUSE_SECONDS, FitnessCheck
from airfleet.fleet.planning.plan import Component, Fork
from airfleet.testing.ports import free_ports
from support.toy_agent import program, toy

AWAY = DatabaseFinding(DatabaseVerdict.WAIT, "the database does not answer: nobody is there")
OLDER = DatabaseFinding(
    DatabaseVerdict.MIGRATION, "the database has the schema of Airflow 3.0.0", "airfleet up --migrate"
)


class Looks:
    """Looks that find one thing after another, and a clock."""

    def __init__(self, *findings: DatabaseFinding) -> None:
        self._findings = list(findings)
        self.made = 0
        self._woken = threading.Event()
        self.first = FitnessCheck(self._look, self._woken.set)

    def _look(self) -> DatabaseFinding:
        self.made += 1
        return self._findings.pop(0)

    def is_fit(self, now: float) -> bool:
        """Ask, wait for what was found, and ask again."""
        self._woken.clear()
        self.first.is_fit(now)
        assert self._woken.wait(10)
        return self.first.is_fit(now)


def test_it_is_looked_at_again_until_it_is_fit_and_then_no_more() -> None:
    looks = Looks(AWAY, AWAY, FIT)
    assert not looks.is_fit(0.0)
    assert looks.first.finding == AWAY
    assert not looks.first.is_fit(PAUSE_SECONDS / 2)
    assert not looks.is_fit(PAUSE_SECONDS)
    assert looks.made == 2
    assert looks.is_fit(2 * PAUSE_SECONDS)
    assert looks.first.is_fit(100.0)
    assert looks.made == 3


def test_what_a_person_has_to_do_may_take_longer() -> None:
    looks = Looks(OLDER, FIT)
    assert not looks.is_fit(0.0)
    assert not looks.first.is_fit(2 * PAUSE_SECONDS)
    assert looks.is_fit(LONG_PAUSE_SECONDS)


@pytest.fixture
def closed() -> str:
    """A database where nobody listens."""
    (port,) = free_ports(1)
    return f"postgresql://me@127.0.0.1:{port}/none"


def test_nothing_that_uses_it_starts_while_it_is_away(closed: str) -> None:
    forked = Component("scheduler", "scheduler", Fork("scheduler"))
    other = program("nginx", "exec sleep 60", kind="nginx")
    with toy(forked, other, database_url=closed) as running:
        running.wait(lambda now: bool(now.database), "the agent has looked")
        now = running.wait(lambda now: _state(now.components, "nginx") == "ready", "what needs none has started")
    assert now.state == "starting"
    assert now.database["verdict"] == DatabaseVerdict.WAIT
    assert now.database["sentence"].startswith("the database does not answer: ")
    assert _state(now.components, "scheduler") == "waiting"
    assert _state(now.components, "database") == "degraded"


def _state(components: object, name: str) -> str:
    return next((str(c.state) for c in components if c.name == name), "")  # type: ignore[attr-defined]
