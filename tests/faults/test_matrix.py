"""The fault matrix at reduced times, with either broker: on one fleet, under one load, one fault after the other.

``make faults`` is the whole of it, with as many repetitions as wished; see :mod:`faultlab.matrix`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from airfleet.drill.records import Injection, Note, NoteKind
from airfleet.drill.runner import ExperimentOutcome
from airfleet.drill.workload import Mix
from faultlab.experiment import Experiment, Shape
from faultlab.matrix import BY_NUMBER, late
from faultlab.servers import rabbitmq
from faultlab.systems.fleet_system import FleetSystem
from faultlab.systems.topology import Topology

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

#: two schedulers: one killed leaves one
ROWS = ("F1", "F3", "F5", "F11", "F13", "F17", "F19", "F23")
#: those in which the broker has a part
OF_THE_BROKER = ("F3", "F5", "F17", "F19")
#: a minute away is three seconds here
SCALE = 0.05
#: after so many seconds without the API Airflow ends every task
AIRFLOW_ENDS_SECONDS = 16.5
#: a machine that runs tests is so many times slower than one that is measured on
FACTOR = 3.0
#: so in this row it is away for half a minute, and two tasks are to run from before it until after it
SCALES = {"F11": 0.1}
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
    outcome: ExperimentOutcome


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((None, ROWS), id="valkey"),
        pytest.param((rabbitmq.beside, OF_THE_BROKER), id="rabbitmq", marks=pytest.mark.needs("rabbitmq")),
    ],
)
def done(request: pytest.FixtureRequest) -> Done:
    """Each of the faults, once."""
    make_broker, rows = request.param
    trials = [BY_NUMBER[number].trial(SCALES.get(number, SCALE), after_seconds=2.0) for number in rows]
    with FleetSystem(Topology(slots=10, schedulers=2), make_broker) as target:
        return Done(rows, Experiment(target, SHAPE, "matrix", print).run(trials))


def test_no_invariant_is_violated_whatever_breaks(done: Done) -> None:
    assert [str(violation) for violation in done.outcome.violations] == []
    assert done.outcome.runs > 10 * len(done.rows)
    for number in SCALES.keys() & set(done.rows):
        moment = done.outcome.recoveries[done.rows.index(number)].injection
        assert moment.ended - moment.began > AIRFLOW_ENDS_SECONDS + 5
        assert ran_through(moment, done.outcome.history.notes), f"no task ran from before until after {moment.name}"


def ran_through(moment: Injection, notes: Sequence[Note]) -> set[str]:
    """Attempts that had begun before a fault, and came to their end after it."""
    begun = {note.attempt for note in notes if note.event == NoteKind.START and note.at < moment.began}
    return begun & {note.attempt for note in notes if note.event == NoteKind.END and note.at > moment.ended}


def test_everything_recovers_in_time(done: Done) -> None:
    each = [replace(done.outcome, recoveries=(recovery,)) for recovery in done.outcome.recoveries]
    found = [late([number], one, FACTOR) for number, one in zip(done.rows, each, strict=True)]
    assert [sentence for sentences in found for sentence in sentences] == []
