"""The classic examples in one process, as ``airfleet run`` runs them, with what they talk to on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from airfleet.pipelines.local.runner import RunOutcome, run_pipeline
from corner_shop.orders import by_region, orders
from csv_to_dynamo import sample
from etl_classics import arrivals, shop
from support.classics import EXAMPLES, Classics, classics, environment_of

DAY = "2026-01-05"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classics]:
    with classics(tmp_path_factory.mktemp("classics")) as around:
        yield around


def ran(there: Classics, file: str, **params: str) -> RunOutcome:
    """One pipeline, run to its end."""
    return run_pipeline(EXAMPLES / file, params=params, environ=environment_of(there))


def ends(outcome: RunOutcome) -> dict[str, str]:
    """How each task ended."""
    return {event.task: event.kind for event in outcome.tasks}


def test_people_come_from_one_account_into_the_other(there: Classics) -> None:
    there.clouds.put_csv(sample.people(rows=30, seed=1))
    outcome = ran(there, "csv_to_dynamo/pipelines/csv_to_dynamo.yaml")
    assert outcome.ok, outcome.tasks
    assert len(there.clouds.items()) == 30
    assert there.clouds.object_keys() == ["people.csv"]


@pytest.mark.long
def test_what_was_converted_is_removed_when_the_load_fails(there: Classics) -> None:
    there.clouds.put_csv(sample.people(rows=3, seed=1))
    outcome = ran(there, "csv_to_dynamo/pipelines/csv_to_dynamo.yaml", table="nowhere")
    assert ends(outcome) == {"convert": "succeeded", "load": "failed", "remove": "succeeded", "end": "upstream_failed"}
    assert outcome.state == "failed"
    [error] = [event.error for event in outcome.tasks if event.task == "load"]
    assert "the table 'nowhere' does not exist in the account of connection 'dynamo_db'" in str(error)
    assert there.clouds.object_keys() == ["people.csv"]


def test_a_day_is_loaded_from_the_api_and_models_are_built_from_it(there: Classics) -> None:
    outcome = ran(there, "etl_classics/pipelines/orders_from_api.yaml", day=DAY)
    assert outcome.ok, outcome.tasks
    assert there.rows(f"SELECT count(*) FROM shop.orders WHERE day = '{DAY}'") == [(len(shop.orders(DAY)),)]

    assert ran(there, "etl_classics/pipelines/sales_marts.yaml").ok
    paid = [one for one in shop.orders(DAY) if one["status"] == "paid"]
    assert there.rows("SELECT orders FROM marts.daily_sales") == [(len(paid),)]


# A fleet runs these two, too, in tests/integration/fleet/test_classics.py.
@pytest.mark.long
def test_a_file_that_is_there_is_loaded(there: Classics) -> None:
    arrivals.deliver(there.around.deliveries, DAY, [(1, 5, "Eze")])
    assert ran(there, "etl_classics/pipelines/deliveries.yaml", day=DAY).ok
    assert there.rows("SELECT pieces FROM raw.deliveries") == [(5,)]


@pytest.mark.long
def test_the_warehouse_is_backed_up(there: Classics) -> None:
    assert ran(there, "etl_classics/pipelines/nightly_backup.yaml").ok
    assert len(list(there.around.backups.glob("*.dump"))) == 1


@pytest.mark.parametrize(
    ("day", "state"), [pytest.param(DAY, "success", marks=pytest.mark.long), ("2026-01-13", "failed")]
)
def test_good_data_pass_the_gate_and_bad_ones_do_not(there: Classics, day: str, state: str) -> None:
    outcome = ran(there, "etl_classics/pipelines/stock_gate.yaml", day=day)
    assert outcome.state == state
    published = there.rows(f"SELECT count(*) FROM shop.stock WHERE day = '{day}'")
    assert published == [(shop.PRODUCTS if state == "success" else 0,)]


def test_the_pipeline_beside_the_python_dags_runs_alone(there: Classics) -> None:
    assert ran(there, "existing_dags/pipelines/orders.yaml", day=DAY).ok
    assert json.loads((there.output / f"orders_yaml/{DAY}.json").read_text()) == by_region(orders(DAY))
