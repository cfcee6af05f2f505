"""The API is away, the database crashes, and a dag-processor dies over its callbacks: nobody is ended, nothing is lost.

The API is away for 25 s: longer than the 16.5 s after which Airflow itself begins to end its tasks, and than the 20 s
after which a scheduler is told here to take an attempt without heartbeats for dead. Outages of minutes, and of the
database, are rows F11, F12 and F14 of the fault matrix.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airfleet.drill.runner import ExperimentOutcome
from airfleet.drill.workload import Mix
from faultlab import matrix
from faultlab.experiment import Experiment, Shape
from faultlab.systems.fleet_system import FleetSystem
from faultlab.systems.topology import Topology

OUTAGE_SECONDS = 25.0
#: what is promised on a machine that does nothing else, and what one is given that runs all tests
PATIENCE_SECONDS = 45.0

API_AWAY = matrix.BY_NUMBER["F12"].trial(OUTAGE_SECONDS / 60)
DATABASE_CRASHES = matrix.BY_NUMBER["F13"].trial()
CALLBACKS = matrix.BY_NUMBER["F23"].trial()


@pytest.fixture(scope="module")
def outcome() -> Iterator[ExperimentOutcome]:
    """All three, one after the other, under one steady load."""
    # Little enough that what waits after an outage is soon worked off.
    mix = Mix(long_seconds=15.0, chain_seconds=0.5)
    shape = Shape(mix, window_seconds=3.0, settle_seconds=1.0, patience_seconds=PATIENCE_SECONDS)
    hasty = '  scheduler: {task_instance_heartbeat_timeout: "20"}\n'
    with FleetSystem(Topology(slots=8), settings=hasty) as target:
        yield Experiment(target, shape, "outages").run((API_AWAY, DATABASE_CRASHES, CALLBACKS))


@pytest.mark.long
def test_nothing_is_lost_done_twice_or_blamed_on_a_task(outcome: ExperimentOutcome) -> None:
    # So few seconds say little about how much is done (I11); that it goes on is seen below.
    assert [str(one) for one in outcome.violations if one.invariant != "I11"] == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "what"), [(0, "recorded"), (1, "dispatch"), (2, "callbacks")], ids=["api", "database", "callbacks"]
)
def test_work_goes_on_soon_afterwards(outcome: ExperimentOutcome, number: int, what: str) -> None:
    seconds = outcome.recoveries[number].seconds[what]
    assert seconds is not None, f"not within {PATIENCE_SECONDS:.0f} s"
