"""The fault matrix at reduced times, with either broker: on one fleet, under one load, one fault after the other.

``make faults`` is the whole of it, with as many repetitions as wished; see :mod:`airfleet.testing.matrix`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.testing.experiment import Experiment, Outcome, Shape
from airfleet.testing.matrix import BY_NUMBER, late
from airfleet.testing.rabbitmq import RabbitMQ
from airfleet.testing.targets import FleetTarget, MakeBroker, Topology
from airfleet.testing.workload import Mix

pytestmark = pytest.mark.timeout(600)

#: two schedulers: one killed leaves one
ROWS = ("F1", "F3", "F5", "F11", "F13", "F17", "F19", "F23")
#: a minute away is three seconds here
SCALE = 0.05
SHAPE = Shape(
    mix=Mix(long_seconds=8.0),
    window_seconds=6.0,
    settle_seconds=3.0,
    patience_seconds=45.0,
    drain_seconds=60.0,
)


def rabbitmq(folder: Path, address: str) -> RabbitMQ:
    """One of the test's own."""
    return RabbitMQ(folder, address=address)


@pytest.fixture(scope="module", params=[None, rabbitmq], ids=["valkey", "rabbitmq"])
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """All of the faults, done once."""
    make_broker: MakeBroker | None = request.param
    trials = [BY_NUMBER[number].trial(SCALE, after_seconds=2.0) for number in ROWS]
    with FleetTarget(Topology(slots=6, schedulers=2), make_broker) as target:
        return Experiment(target, SHAPE, "matrix", print).run(trials)


def test_no_invariant_is_violated_whatever_breaks(outcome: Outcome) -> None:
    assert [str(violation) for violation in outcome.violations] == []
    assert outcome.runs > 100


def test_everything_recovers_in_time(outcome: Outcome) -> None:
    assert late(ROWS, outcome, SLACK_SECONDS) == ()


#: a machine that runs other tests, too, is slower than one that is measured on
SLACK_SECONDS = 20.0
