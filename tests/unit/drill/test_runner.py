"""The runner does trials under load, and waits for the end of runs as long as there is progress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from airfleet.client.api_client import Api
from airfleet.drill import invariants
from airfleet.drill.invariants import Violation
from airfleet.drill.killing import Attempts
from airfleet.drill.records import History, Injection, RunKey
from airfleet.drill.runner import ExperimentRunner, Pace, Recovery, Trial, drained
from airfleet.drill.workload import DRILL, RunRequest

PACE = Pace(
    before_seconds=0.15,
    after_seconds=0.0,
    patience_seconds=0.3,
    drain_seconds=0.6,
    moment_seconds=0.1,
    look_seconds=0.02,
)


class AcceptingApi(Api):
    """Accepts every run."""

    def post(self, *path: str, body: Mapping[str, Any], **query: Any) -> Any:
        return {}


@dataclass
class FakeTarget:
    """Where nothing runs; ``done`` is what happens to it, in order."""

    witness_folder: Path
    done: list[str] = field(default_factory=list)
    api: Api = field(default_factory=lambda: AcceptingApi("http://nowhere", "admin", "x"))


@dataclass(frozen=True)
class FakeFault:
    name: str = "a fault"
    seconds: float = 0.05
    silences: bool = True

    def inflict(self, target: FakeTarget) -> Attempts:
        target.done.append("inflict")
        return frozenset({"an attempt"})

    def heal(self, target: FakeTarget) -> None:
        target.done.append("heal")


class OneRun:
    """A run at the first tick."""

    tick_seconds = 0.01

    def at(self, label: str, tick: int) -> Iterator[RunRequest]:
        if tick == 0:
            yield RunRequest(DRILL, f"{label}-a", {"errors": 1})


class FakeRunner(ExperimentRunner[FakeTarget]):
    """Runs of which the database says one state."""

    def __init__(self, target: FakeTarget, state: str = "failed", pace: Pace = PACE) -> None:
        super().__init__(target, OneRun(), pace, "x")
        self.state = state

    def is_well(self) -> bool:
        return True

    def states(self) -> Mapping[RunKey, str]:
        return dict.fromkeys((one.run for one in self.load.asked), self.state)

    def final_history(self) -> History:
        return replace(self.told_by_tasks(), states=self.states(), helped=tuple(self.helped))

    def judge(self, history: History) -> tuple[Violation, ...]:
        return invariants.violations(history)

    def prepare(self, trial: Trial[FakeTarget]) -> None:
        self.target.done.append("before")

    def on_missed_moment(self, trial: Trial[FakeTarget]) -> None:
        self.target.done.append("missed")

    def on_injection(self, injection: Injection) -> None:
        self.target.done.append(f"inflicted {injection.name}")

    def on_recovery(self, recovery: Recovery) -> None:
        self.target.done.append("recovered")


@pytest.fixture
def target(tmp_path: Path) -> FakeTarget:
    return FakeTarget(tmp_path)


def at_once(history: History, injection: Injection) -> float | None:
    return 0.5


def never(history: History, injection: Injection) -> float | None:
    return None


def test_a_trial_goes_from_its_moment_to_its_recovery(target: FakeTarget) -> None:
    asked_for = iter([False, True])
    more = RunRequest(DRILL, "more", {"errors": 1})
    trial = Trial(FakeFault(), {"watch": at_once}, before=lambda label: [more], moment=lambda _, label: next(asked_for))
    outcome = FakeRunner(target).run([trial])
    assert target.done == ["before", "inflict", "inflicted a fault", "heal", "recovered"]
    (recovery,) = outcome.recoveries
    assert recovery.seconds == {"watch": 0.5}
    assert outcome.history.injections == (recovery.injection,)
    assert (recovery.injection.attempts, recovery.injection.silences) == ({"an attempt"}, True)
    assert recovery.injection.ended - recovery.injection.began >= FakeFault.seconds
    assert {run.run_id for run in outcome.history.asked} == {"x-a", "more"}
    assert outcome.runs == 2


def test_a_recovery_is_given_up_when_patience_ends_and_a_missed_moment_is_told(target: FakeTarget) -> None:
    outcome = FakeRunner(target).run([Trial(FakeFault(), {"watch": never}, moment=lambda _, label: False)])
    assert outcome.recoveries[0].seconds == {"watch": None}
    assert target.done[:2] == ["before", "missed"]


@pytest.mark.parametrize(("state", "helped"), [("failed", ()), ("running", ("runs did not end",))])
def test_a_run_that_does_not_end_is_help_that_somebody_has_to_give(
    target: FakeTarget, state: str, helped: tuple[str, ...]
) -> None:
    outcome = FakeRunner(target, state).run([Trial(FakeFault(), {"watch": at_once})])
    assert outcome.history.helped == helped
    assert outcome.recovered is (helped == ())


def test_the_load_ends_also_when_a_trial_cannot_be_done(target: FakeTarget) -> None:
    def broken(target: FakeTarget, label: str) -> bool:
        raise AssertionError("nothing runs here")

    one = FakeRunner(target)
    with pytest.raises(AssertionError, match="nothing runs here"):
        one.run([Trial(FakeFault(), {"watch": at_once}, moment=broken)])
    assert not one.load._thread.is_alive()


class Seconds:
    """A clock that only sleeping moves, and for each second what is left then; the last goes on for ever."""

    def __init__(self, *left: int | None) -> None:
        self.at, self.looks = 0.0, left

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def left(self) -> int | None:
        return self.looks[min(int(self.at), len(self.looks) - 1)]


@pytest.mark.parametrize(
    ("left", "well_from", "over", "ended"),
    [
        ((3, 2, 1, 0), 0, True, 3),
        (tuple(range(30, -1, -1)), 0, True, 30),  # longer than the patience, and each second it is less
        ((3, 2, 2), 0, False, 1 + 10),
        ((3, 2, 3, 2, 3), 0, False, 1 + 10),  # there and back is nothing that is worked off
        ((None,), 0, False, 10),
        ((None, None, 1, 0), 0, True, 3),
        ((0,), 4, True, 4),
        ((0,), 99, False, 10),
    ],
)
def test_what_piled_up_is_waited_for_as_long_as_it_gets_less(
    left: tuple[int | None, ...], well_from: int, over: bool, ended: float
) -> None:
    clock = Seconds(*left)
    assert drained(clock.left, lambda: clock.at >= well_from, 10.0, clock, clock.sleep) is over
    assert clock.at == pytest.approx(ended, abs=0.6)
