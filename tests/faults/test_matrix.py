"""The fault matrix at reduced times, with either broker: on one fleet, under one load, one fault after the other.

``make faults`` is the whole of it, with as many repetitions as wished; see :mod:`airfleet.testing.matrix`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from airfleet.testing import rabbitmq
from airfleet.testing.experiment import Experiment, Outcome, Shape
from airfleet.testing.matrix import BY_NUMBER, late
from airfleet.testing.targets import FleetTarget, Topology
from airfleet.testing.workload import Mix

pytestmark = pytest.mark.timeout(600)

#: two schedulers: one killed leaves one
ROWS = ("F1", "F3", "F5", "F11", "F13", "F17", "F19", "F23")
#: those in which the broker has a part
OF_THE_BROKER = ("F3", "F5", "F17", "F19")
#: a minute away is three seconds here
SCALE = 0.05
SHAPE = Shape(
    mix=Mix(long_seconds=8.0),
    window_seconds=6.0,
    settle_seconds=3.0,
    patience_seconds=45.0,
    drain_seconds=60.0,
)


@dataclass(frozen=True)
class Done:
    """The rows that were done, and what came of it."""

    rows: Sequence[str]
    outcome: Outcome


@pytest.fixture(scope="module", params=[(None, ROWS), (rabbitmq.beside, OF_THE_BROKER)], ids=["valkey", "rabbitmq"])
def done(request: pytest.FixtureRequest) -> Done:
    """Each of the faults, once."""
    make_broker, rows = request.param
    trials = [BY_NUMBER[number].trial(SCALE, after_seconds=2.0) for number in rows]
    with FleetTarget(Topology(slots=6, schedulers=2), make_broker) as target:
        return Done(rows, Experiment(target, SHAPE, "matrix", print).run(trials))


def test_no_invariant_is_violated_whatever_breaks(done: Done) -> None:
    assert [str(violation) for violation in done.outcome.violations] == []
    assert done.outcome.runs > 10 * len(done.rows)


def test_everything_recovers_in_time(done: Done) -> None:
    assert late(done.rows, done.outcome, SLACK_SECONDS) == ()


#: a machine that runs other tests, too, is slower than one that is measured on
SLACK_SECONDS = 20.0
