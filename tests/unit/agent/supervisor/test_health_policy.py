"""What becomes of a component by the answers of its probe; ended processes are real ones."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from airfleet.agent.probes.results import (
    WELL,
    BrokerError,
    Health,
    HttpError,
    LateHeartbeat,
    NotConsuming,
    NotReported,
    ProbeResult,
    unwell,
)
from airfleet.agent.states import Reason, State
from airfleet.agent.supervisor import restarts
from airfleet.agent.supervisor.health_policy import (
    FOREIGN_PATIENCE_SECONDS,
    FORK_TIMEOUT_SECONDS,
    PATIENCE_SECONDS,
    HealthPolicy,
)
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.reasons import Stalled, StartTimeout, ZygoteStalled
from airfleet.fleet.planning.plan import Component, Exec, Watch
from support.lives import lives

UNWELL = unwell(HttpError("/health", 503))
STALLED = ProbeResult(Health.STALLED, LateHeartbeat(40.0))
USELESS = ProbeResult(Health.USELESS, NotConsuming(90.0))
REFUSED = ProbeResult(Health.USELESS, BrokerError("wrong password"))


@dataclass
class Court:
    """A policy, the results that it is given, and what it does."""

    log: Path
    now: float = 0.0
    replaced: list[tuple[str, int, Reason | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.policy = HealthPolicy(lambda: self.now, lambda r, pid, why: self.replaced.append((r.name, pid, why)))

    def starting(self, kind: str, pid: int = 0, start: Exec | Watch | None = None) -> Running:
        component = Component("one", kind, start or Exec(("true",)), start_seconds=10.0, silent_seconds=30.0)
        running = Running(component, self.log, lambda _: None)
        running.began(pid, self.now, 0.0) if pid else running.ordered(self.now, 0.0)
        running.move_to(State.STARTING, self.now)
        return running

    def ready(self, kind: str, pid: int = 0) -> Running:
        running = self.starting(kind, pid)
        self.policy.apply(running, WELL)
        assert running.state == State.READY
        return running

    def hear(self, running: Running, verdict: ProbeResult, at: float) -> None:
        self.now = at
        self.policy.apply(running, verdict)


@pytest.fixture
def court(tmp_path: Path) -> Court:
    return Court(tmp_path / "one.log")


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """One that does nothing, in a session of its own as components are."""
    with subprocess.Popen(("sleep", "60"), start_new_session=True) as child:
        yield child
        child.kill()


def test_one_that_is_unwell_is_degraded_after_a_while_and_ready_again_at_once(court: Court) -> None:
    one = court.ready("scheduler")
    court.hear(one, UNWELL, PATIENCE_SECONDS)
    assert one.state == State.READY
    court.hear(one, UNWELL, PATIENCE_SECONDS + 1)
    assert (one.state, one.reason) == (State.DEGRADED, UNWELL.reason)
    court.hear(one, WELL, PATIENCE_SECONDS + 2)
    assert one.state == State.READY


def test_a_broker_of_somebody_else_is_degraded_within_two_probes_and_some(court: Court) -> None:
    """It is asked every two seconds; one question may get lost."""
    broker = court.starting("broker", start=Watch())
    court.policy.apply(broker, WELL)
    court.hear(broker, UNWELL, 2.0)
    assert broker.state == State.READY
    court.hear(broker, UNWELL, 4.0)
    assert (broker.state, broker.reason) == (State.DEGRADED, UNWELL.reason)
    assert FOREIGN_PATIENCE_SECONDS < 4.0 < PATIENCE_SECONDS


def test_one_that_has_been_well_for_long_is_forgiven_its_deaths(court: Court) -> None:
    one = court.ready("scheduler")
    one.deaths.append(0.0)
    court.hear(one, WELL, restarts.HEALED_AFTER_SECONDS)
    assert one.deaths
    court.hear(one, WELL, restarts.HEALED_AFTER_SECONDS + 1)
    assert not one.deaths


def test_a_worker_of_no_use_is_replaced_and_nothing_else_is(court: Court) -> None:
    court.hear(court.ready("worker", pid=7), USELESS, 1.0)
    assert court.replaced == [("one", 7, USELESS.reason)]
    court.hear(court.ready("scheduler", pid=8), USELESS, 1.0)
    court.hear(court.starting("worker", pid=9), USELESS, 1.0)
    assert len(court.replaced) == 1


def test_what_is_only_watched_and_will_never_do_is_given_up(court: Court) -> None:
    broker = court.starting("broker", start=Watch())
    court.hear(broker, REFUSED, 1.0)
    assert (broker.state, broker.reason) == (State.GAVE_UP, REFUSED.reason)


@pytest.mark.parametrize("kind", ["scheduler", "nginx"])
def test_one_that_stands_still_is_ended(court: Court, process: subprocess.Popen[bytes], kind: str) -> None:
    one = court.ready(kind, process.pid)
    court.hear(one, STALLED, 5.0)
    court.hear(one, STALLED, 34.0)
    assert lives(process)
    court.hear(one, STALLED, 35.0)
    assert process.wait(10.0) != 0
    assert one.reason == Stalled(30.0, STALLED.reason)


@pytest.mark.parametrize("between", [WELL, UNWELL])
def test_one_that_gives_a_sign_of_life_meanwhile_is_not(
    court: Court, process: subprocess.Popen[bytes], between: ProbeResult
) -> None:
    one = court.ready("scheduler", process.pid)
    court.hear(one, STALLED, 5.0)
    court.hear(one, between, 20.0)
    court.hear(one, STALLED, 36.0)
    assert lives(process)


def test_the_silence_of_one_that_died_is_not_held_against_the_next(
    court: Court, process: subprocess.Popen[bytes]
) -> None:
    one = court.ready("scheduler", process.pid)
    court.hear(one, STALLED, 5.0)
    court.policy.forget(one)
    court.hear(one, STALLED, 36.0)
    assert lives(process)


def test_a_silent_worker_is_left_to_its_own_probe(court: Court, process: subprocess.Popen[bytes]) -> None:
    one = court.ready("worker", process.pid)
    court.hear(one, STALLED, 5.0)
    court.hear(one, STALLED, 500.0)
    assert lives(process)


def test_one_that_is_not_ready_in_time_is_ended_and_says_what_it_last_said(
    court: Court, process: subprocess.Popen[bytes]
) -> None:
    one = court.starting("scheduler", process.pid)
    court.hear(one, UNWELL, 10.0)
    court.policy.kill_when_late(one)
    assert lives(process)
    court.now = 10.5
    court.policy.kill_when_late(one)
    assert process.wait(10.0) != 0
    assert one.reason == StartTimeout(10.0, UNWELL.reason)
    court.hear(one, unwell(NotReported()), 10.6)
    assert one.reason == StartTimeout(10.0, UNWELL.reason)


def test_a_zygote_that_does_not_fork_what_it_was_told_to_is_ended(
    court: Court, process: subprocess.Popen[bytes]
) -> None:
    ordered = court.starting("scheduler")  # before there is a zygote to hear it
    court.now = 100.0
    zygote = court.ready("zygote", process.pid)
    court.policy.kill_stalled_zygote(zygote, ())
    court.now += FORK_TIMEOUT_SECONDS
    court.policy.kill_stalled_zygote(zygote, (ordered,))
    assert lives(process)
    court.now += 1.0
    court.policy.kill_stalled_zygote(zygote, ())
    assert lives(process)
    court.policy.kill_stalled_zygote(zygote, (ordered,))
    assert process.wait(10.0) != 0
    assert zygote.reason == ZygoteStalled(16.0, "one")


def test_a_zygote_that_still_imports_has_its_time(court: Court, process: subprocess.Popen[bytes]) -> None:
    zygote, ordered = court.starting("zygote", process.pid), court.starting("migrate")
    court.now = FORK_TIMEOUT_SECONDS * 2
    court.policy.kill_stalled_zygote(zygote, (ordered,))
    assert lives(process)
