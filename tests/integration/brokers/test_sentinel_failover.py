"""A fleet whose broker is named by sentinels: another server takes over, and every task that is asked for runs.

The sentinels of this test call a server gone that has been silent for 2 s; by themselves they wait for 30 s.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airfleet.drill import recovery_times
from airfleet.drill.runner import ExperimentOutcome
from airfleet.drill.workload import Mix
from faultlab.experiment import Experiment, Shape, Trial
from faultlab.faults.server_faults import Outage
from faultlab.systems.fleet_system import FleetSystem
from faultlab.systems.system import System
from faultlab.systems.topology import Topology
from support.sentinels import Watched

#: to the first start of a task of which nobody had heard before: from the fault, or after a return from its end
KILLED, SILENT, BACK = "the primary is killed", "the host of the primary is silent", "that host is back"
PROMISED_SECONDS = {SILENT: 30.0, BACK: 5.0, KILLED: 10.0}
#: a machine that runs tests is so many times slower than one that is measured on
FACTOR = 2.0
SHAPE = Shape(Mix(tick_seconds=2.0, long_seconds=8.0), window_seconds=6.0, settle_seconds=4.0, patience_seconds=60.0)


def watched(system: System) -> Watched:
    """Give its broker."""
    assert isinstance(system.broker, Watched)
    return system.broker


#: the primary and a sentinel say nothing more and close no connection, until they go on where they were: a server takes
#: itself for the primary then, until it is told otherwise
HOST_SILENT = Outage(SILENT, lambda system: watched(system).freeze(), lambda system: watched(system).wait_for_another())
HOST_BACK = Outage(BACK, lambda system: watched(system).thaw(), lambda system: watched(system).wait_until_replicated())
#: it does not come back
PRIMARY_KILLED = Outage(
    KILLED, lambda system: watched(system).kill(), lambda system: watched(system).wait_for_another()
)


@pytest.fixture(scope="module")
def outcome() -> Iterator[ExperimentOutcome]:
    """One host is silent and comes back, and then the server that took over is killed for good; under steady load."""
    faults = (
        (HOST_SILENT, recovery_times.since),
        (HOST_BACK, recovery_times.dispatch),
        (PRIMARY_KILLED, recovery_times.since),
    )
    trials = [Trial(fault, {"start": watch}, after_seconds=3.0, spares_schedulers=True) for fault, watch in faults]
    with FleetSystem(Topology(slots=8), make_broker=Watched) as target:
        yield Experiment(target, SHAPE, "sentinels", print).run(trials)


@pytest.mark.long
def test_no_task_fails_is_lost_or_runs_twice_when_another_server_takes_over(outcome: ExperimentOutcome) -> None:
    assert [str(violation) for violation in outcome.violations] == []
    assert outcome.runs > 30


@pytest.mark.long
@pytest.mark.parametrize(("number", "name"), list(enumerate(PROMISED_SECONDS)), ids=["silent", "back", "killed"])
def test_what_is_asked_for_then_starts_within_seconds(outcome: ExperimentOutcome, number: int, name: str) -> None:
    recovery = outcome.recoveries[number]
    assert recovery.injection.name == name
    seconds = recovery.seconds["start"]
    assert seconds is not None, f"not within {SHAPE.patience_seconds:.0f} s"
    assert seconds < PROMISED_SECONDS[name] * FACTOR
