"""The five classics, step by step, on a real PostgreSQL: loaded once however often, whole or not at all."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from etl_classics import arrivals, backup, local, models, orders, quality, shop
from etl_classics.errors import BadBackup, BadData, ChangedSource
from etl_classics.local import Surroundings

DAY, NEXT = "2026-01-05", "2026-01-06"
PIPELINES = Path(local.__file__).parents[1] / "pipelines"


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    folder = tmp_path_factory.mktemp("classics")
    folder.chmod(0o755)
    with local.surroundings(folder) as around:
        yield around


@pytest.fixture
def around(everything: Surroundings, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    """Everything that the pipelines talk to, with an empty warehouse."""
    for name, value in everything.environment().items():
        monkeypatch.setenv(name, value)
    with psycopg.connect(everything.warehouse) as connection:
        for schema in ("raw", "shop", "gate", "staging", "marts"):
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    for file in [*everything.deliveries.rglob("*"), *everything.backups.glob("*")]:
        if file.is_file():
            file.unlink()
    everything.shop.without.clear()
    return everything


def rows(around: Surroundings, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(around.warehouse) as connection:
        return connection.execute(query).fetchall()


# --- the API


def test_the_orders_of_a_day_are_in_the_warehouse_however_often_they_are_loaded(around: Surroundings) -> None:
    for _ in range(2):
        for day in (DAY, NEXT):
            assert orders.fetch(day) == {"day": day, "orders": len(shop.orders(day))}
    found = rows(around, "SELECT id, customer, amount, status FROM raw.orders ORDER BY id")
    expected = [one for day in (DAY, NEXT) for one in shop.orders(day)]
    assert found == [(one["id"], one["customer"], Decimal(one["amount"]), one["status"]) for one in expected]
    assert len(expected) > shop.PAGE  # there was more than a page


def test_an_order_without_an_agreed_field_changes_nothing(around: Surroundings) -> None:
    orders.fetch(DAY)
    around.shop.without.add("amount")
    with pytest.raises(ChangedSource) as refused:
        orders.fetch(DAY)
    assert str(refused.value) == (
        "page 1 of the orders of 2026-01-05: an order has no amount (it has id, customer, placed_at, status); "
        "nothing was loaded"
    )
    assert rows(around, "SELECT count(*) FROM raw.orders") == [(len(shop.orders(DAY)),)]


def test_a_shop_that_is_busy_is_left_to_the_retries(around: Surroundings) -> None:
    around.shop.busy = 1
    with pytest.raises(Exception, match="503"):
        orders.fetch(DAY)
    assert orders.fetch(DAY)["orders"] == len(shop.orders(DAY))


# --- models


def test_a_model_is_replaced_at_once_and_tests_find_what_breaks_a_rule(around: Surroundings) -> None:
    assert models.seed("raw.customers", "customers.csv") == {"rows": shop.CUSTOMERS}
    assert models.build("marts.numbers", "SELECT generate_series(1, 3) AS n") == {"rows": 3}
    assert models.build("marts.numbers", "SELECT generate_series(1, 5) AS n") == {"rows": 5}
    with pytest.raises(psycopg.errors.UndefinedTable):
        models.build("marts.numbers", "SELECT * FROM nowhere")
    assert rows(around, "SELECT max(n) FROM marts.numbers") == [(5,)]
    models.expect_none("all below 6", "SELECT n FROM marts.numbers WHERE n > 5")
    with pytest.raises(BadData, match=r"^all below 4: 2 rows break the rule\nn=4\nn=5$"):
        models.expect_none("all below 4", "SELECT n FROM marts.numbers WHERE n > 3 ORDER BY n")


def test_models_that_are_built_at_the_same_time_share_a_new_schema(around: Surroundings) -> None:
    builders = 6
    for _ in range(4):
        with psycopg.connect(around.warehouse) as connection:
            connection.execute("DROP SCHEMA IF EXISTS marts CASCADE")
        together = threading.Barrier(builders)

        def build(number: int, together: threading.Barrier = together) -> dict[str, int]:
            together.wait()
            return models.build(f"marts.model_{number}", "SELECT 1 AS n")

        with ThreadPoolExecutor(builders) as pool:
            assert list(pool.map(build, range(builders))) == [{"rows": 1}] * builders


@pytest.mark.parametrize("name", ["numbers", "marts.x; DROP TABLE y", "Marts.numbers"])
def test_a_model_has_a_plain_name(around: Surroundings, name: str) -> None:
    with pytest.raises(BadData, match=r"is not schema\.table"):
        models.build(name, "SELECT 1")


# --- files that arrive


def test_a_delivery_is_loaded_and_put_away_and_a_second_try_finds_it_there(around: Surroundings) -> None:
    arrivals.deliver(around.deliveries, DAY, [(1, 10, "Adler & Sons"), (2, 0, "Eze")])
    assert arrivals.load(DAY)["rows"] == 2
    arrivals.put_away(DAY)
    assert arrivals.load(DAY)["rows"] == 2
    arrivals.put_away(DAY)
    assert rows(around, "SELECT day, product, pieces, supplier FROM raw.deliveries ORDER BY product") == [
        (dt.date(2026, 1, 5), 1, 10, "Adler & Sons"),
        (dt.date(2026, 1, 5), 2, 0, "Eze"),
    ]
    assert sorted(path.name for path in around.deliveries.glob("*")) == ["done"]


def test_a_delivery_that_is_cut_off_or_makes_no_sense_is_not_loaded(around: Surroundings) -> None:
    file = arrivals.deliver(around.deliveries, DAY, [(1, 10, "Eze")])
    file.write_text(file.read_text()[:-4])
    with pytest.raises(ChangedSource, match=r"_2026-01-05\.csv is cut off or was changed: .* nothing was loaded"):
        arrivals.load(DAY)
    arrivals.deliver(around.deliveries, DAY, [(1, 10, "Eze"), (2, "many", "Eze")])  # type: ignore[list-item]
    with pytest.raises(BadData, match=r"lines that make no sense, nothing was loaded:\nline 3: 2,many,Eze$"):
        arrivals.load(DAY)
    with pytest.raises(ChangedSource, match=r"holds no deliveries_2026-01-06\.csv with its .*\.sha256"):
        arrivals.load(NEXT)
    assert rows(around, "SELECT to_regclass('raw.deliveries')") == [(None,)]


# --- the gate


@pytest.mark.parametrize(("day", "way"), [("2026-01-05", "publish"), ("2026-01-07", "ask"), ("2026-01-13", "refuse")])
def test_the_gate_lets_good_data_through_and_asks_about_doubtful_ones(around: Surroundings, day: str, way: str) -> None:
    quality.stage(day)
    measured = quality.measure(day)
    assert measured["unpriced"] == sum(one["price"] is None for one in shop.stock(day))
    assert quality.decide(measured) == way


def test_what_is_impossible_or_missing_is_refused_with_the_reason(around: Surroundings) -> None:
    quality.stage(DAY)
    with psycopg.connect(around.warehouse) as connection:
        connection.execute("UPDATE gate.stock SET pieces = -1 WHERE product = 3")
    measured = quality.measure(DAY)
    assert quality.decide(measured) == "refuse"
    with pytest.raises(BadData, match=r"^the stock of 2026-01-05 is not published: 0 of 50 .*, 1 impossible numbers"):
        quality.refuse(measured)
    assert quality.decide(quality.measure(NEXT)) == "refuse"


def test_publishing_twice_is_publishing_once(around: Surroundings) -> None:
    quality.stage(DAY)
    assert quality.publish(DAY)["rows"] == quality.publish(DAY)["rows"] == shop.PRODUCTS
    assert rows(around, "SELECT count(*) FROM shop.stock") == [(shop.PRODUCTS,)]


# --- backups


def test_a_backup_can_be_restored_and_holds_what_was_there(around: Surroundings) -> None:
    orders.fetch(DAY)
    models.seed("raw.customers", "customers.csv")
    made = backup.dump(str(around.backups), "2026-01-05T02:15:00+00:00")
    assert Path(made["file"]).name == "warehouse_20260105T021500Z.dump"
    backup.rehearse(made)
    wanted = rows(around, "SELECT * FROM raw.orders ORDER BY id")
    with psycopg.connect(around.warehouse, autocommit=True) as server:
        assert server.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'rehearsal%'").fetchone() == (0,)
        server.execute("CREATE DATABASE restored")
    elsewhere = re.sub(r"/warehouse$", "/restored", around.warehouse)
    try:
        assert backup.restore(Path(made["file"]), elsewhere) == {
            "raw.customers": shop.CUSTOMERS,
            "raw.orders": len(shop.orders(DAY)),
        }
        with psycopg.connect(elsewhere) as connection:
            assert connection.execute("SELECT * FROM raw.orders ORDER BY id").fetchall() == wanted
    finally:
        with psycopg.connect(around.warehouse, autocommit=True) as server:
            server.execute("DROP DATABASE restored WITH (FORCE)")


def test_a_damaged_backup_is_found_by_the_rehearsal(around: Surroundings) -> None:
    models.seed("raw.customers", "customers.csv")
    made = backup.dump(str(around.backups), "2026-01-05T02:15:00+00:00")
    file = Path(made["file"])
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadBackup, match=r"warehouse_20260105T021500Z\.dump cannot be restored: "):
        backup.rehearse(made)
    file.write_bytes(content)
    said = file.with_suffix(".json")
    said.write_text(said.read_text().replace(str(shop.CUSTOMERS), "7"))
    with pytest.raises(BadBackup, match=r"does not hold what was there: raw\.customers: 60 rows for 7"):
        backup.rehearse(made)


def test_a_backup_that_fails_leaves_no_file(around: Surroundings) -> None:
    with pytest.raises(psycopg.OperationalError):
        backup.dump(str(around.backups), "2026-01-05T02:15:00+00:00", "nowhere")
    assert list(around.backups.glob("*")) == []


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection at which nobody answers."""
    monkeypatch.setenv("AIRFLOW_CONN_NOWHERE", "postgresql://a:b@127.0.0.1:9/none")


def test_old_backups_go_but_the_newest_stay_however_old(tmp_path: Path) -> None:
    def kept() -> list[str]:
        return sorted(path.name for path in tmp_path.glob("*.dump"))

    for name in ("shop", "stock"):
        for day in range(1, 10):
            for ending in ("dump", "json"):
                (tmp_path / f"{name}_202601{day:02}T021500Z.{ending}").touch()
    (tmp_path / "notes.dump").touch()
    removed = backup.retire(str(tmp_path), "2026-01-10T02:15:00+00:00", keep_days=4, keep_at_least=2)
    assert removed == [f"{name}_202601{day:02}T021500Z.dump" for name in ("shop", "stock") for day in range(1, 6)]
    assert len(kept()) == 9
    backup.retire(str(tmp_path), "2027-01-10T02:15:00+00:00", keep_days=4, keep_at_least=2)
    assert kept() == ["notes.dump"] + [
        f"{name}_202601{day:02}T021500Z.dump" for name in ("shop", "stock") for day in (8, 9)
    ]
    assert len(list(tmp_path.glob("*.json"))) == 4


# --- the pipelines


def test_every_sql_file_is_used_by_a_pipeline() -> None:
    used = "".join(file.read_text() for file in PIPELINES.glob("*.yaml"))
    assert [str(file.relative_to(PIPELINES)) for file in PIPELINES.rglob("*.sql") if file.name not in used] == []
