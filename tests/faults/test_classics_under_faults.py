"""The classic examples under random faults: each pipeline ends with exactly the right output, and nothing temporary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from corner_shop.orders import by_region, orders
from csv_to_dynamo import sample
from etl_classics import arrivals, shop
from support.classics import Classics, classics, copy_into
from support.storms import Project, Storm, storm_over

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

SEED, FAULTS = 20_260_105, 6
DAGS = ("csv_to_dynamo", "orders_from_api", "stock_gate", "deliveries", "sales_marts", "by_region")
#: what the Dag's own schedule loads meanwhile is a day of its own
OF_THEM = "WHERE day < '2026-01-10'"
DAYS = [f"2026-01-{number:02}" for number in range(1, 8)]


@pytest.fixture
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classics]:
    with classics(tmp_path_factory.mktemp("classics")) as there:
        yield there


@pytest.fixture
def storm(there: Classics) -> Iterator[Storm]:
    with storm_over(Project(copy_into, DAGS, there.environment())) as storm:
        yield storm


def test_every_pipeline_ends_with_the_right_output_whatever_breaks(storm: Storm, there: Classics) -> None:
    there.clouds.put_csv(sample.people(rows=400, seed=5))
    for day in DAYS:
        arrivals.deliver(there.around.deliveries, day, [(product, product * 2, "Eze") for product in range(1, 21)])
        storm.begin("orders_from_api", day=day)
        storm.begin("stock_gate", day=day.replace("07", "08"))  # nobody is there to answer about the 7th
        storm.begin("deliveries", day=day)
        for dag_id in ("revenue", "busy_or_quiet", "by_region", "orders_yaml"):
            storm.begin(dag_id, day=day)
    storm.begin("csv_to_dynamo")
    storm.begin("nightly_backup")
    storm.blow(FAULTS, SEED)
    assert set(storm.states().values()) == {"success"}
    storm.begin("sales_marts")
    storm.blow(2, SEED + 1)
    assert set(storm.states().values()) == {"success"}
    people_are_there(there)
    warehouse_is_right(there)
    shop_is_right(there)


def people_are_there(there: Classics) -> None:
    """Every person once, and no temporary object."""
    ids = [int(line.partition(",")[0]) for line in sample.people(rows=400, seed=5).splitlines()[1:]]
    assert sorted(there.clouds.items()) == ids
    assert there.clouds.object_keys() == ["people.csv"]


def warehouse_is_right(there: Classics) -> None:
    """Orders, marts, stock, deliveries and the backup."""
    expected = [one for day in DAYS for one in shop.orders(day)]
    assert there.rows(f"SELECT id, amount, status FROM shop.orders {OF_THEM} ORDER BY id") == [
        (one["id"], Decimal(one["amount"]), one["status"]) for one in expected
    ]
    sales = sum(Decimal(one["amount"]) for one in expected if one["status"] == "paid")
    assert there.rows(f"SELECT sum(sales) FROM marts.daily_sales {OF_THEM}") == [(sales,)]
    assert there.rows(f"SELECT sum(sales) FROM marts.sales_by_region {OF_THEM}") == [(sales,)]
    assert there.rows("SELECT day::text, count(*) FROM shop.stock GROUP BY 1 ORDER BY 1") == [
        (day.replace("07", "08"), shop.PRODUCTS) for day in DAYS
    ]
    assert there.rows("SELECT count(*), sum(pieces) FROM raw.deliveries") == [(20 * len(DAYS), 420 * len(DAYS))]
    assert sorted(path.name for path in there.around.deliveries.iterdir()) == ["done"]
    assert list(there.around.backups.glob("*.dump"))
    assert not [path for path in there.around.backups.iterdir() if path.name.startswith(".")]


def shop_is_right(there: Classics) -> None:
    """What the Dags in Python left."""
    for day in DAYS:
        totals = by_region(orders(day))
        assert json.loads((there.output / f"orders_yaml/{day}.json").read_text()) == totals
        whole = {**totals, "whole": sum(totals.values())}
        assert json.loads((there.output / f"revenue/{day}.json").read_text()) == whole
        lines = [f"{region} {amount}" for region, amount in sorted(totals.items())]
        assert json.loads((there.output / f"by_region/{day}.json").read_text()) == lines
        assert json.loads((there.output / f"busy_or_quiet/{day}.json").read_text()) in ("busy", "quiet")
