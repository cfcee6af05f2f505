"""A Dag does on a fleet what it does on stock Airflow, whose records are the golden files: states, values, logs.

``make compare`` runs many more Dags, on both, and checks the golden files.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from semantics import record, sides
from semantics.compare import AT_ONCE, GOLDEN
from semantics.comparing import differences
from semantics.decisions import DECISIONS
from semantics.record import Record
from semantics.running import Runner
from semantics.scenarios import SCENARIOS, Scenario

QUICK = [scenario for scenario in SCENARIOS if scenario.quick]


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, Record | Exception]]:
    """What became of every quick scenario on one fleet; they run side by side."""
    found: dict[str, Record | Exception] = {}
    with sides.fleet() as installation:
        runner = Runner(installation, dt.datetime.now(dt.UTC).date())
        runner.all(QUICK, AT_ONCE, lambda scenario, outcome: found.__setitem__(scenario.title, outcome))
        yield found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", QUICK, ids=lambda scenario: scenario.title)
def test_a_dag_leaves_behind_what_it_leaves_behind_on_stock_airflow(
    outcomes: dict[str, Record | Exception], scenario: Scenario
) -> None:
    outcome = outcomes[scenario.title]
    if isinstance(outcome, Exception):
        raise outcome
    stock = record.load(GOLDEN, scenario.title)
    found = differences(stock, outcome, DECISIONS, scenario.unsteady)
    assert [line for one in found if one.decision is None for line in one.lines()] == []


def test_golden_files_are_those_of_the_quick_scenarios() -> None:
    assert {file.stem for file in GOLDEN.glob("*.json")} == {scenario.title for scenario in QUICK}
