"""The classic examples under random faults: each pipeline ends with exactly the right output, and nothing temporary."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from airfleet.cli.rest import ApiError
from airfleet.testing import nemesis
from airfleet.testing.nemesis import KillMonitor
from airfleet.testing.targets import FleetTarget, Topology
from airfleet.testing.waiting import wait_until
from corner_shop.orders import by_region, orders
from csv_to_dynamo import sample
from etl_classics import arrivals, shop
from support.classics import Classics, classics, copy_into

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

#: variables of a fleet's own would be taken for settings of the one who runs the tests
MARK = "CLASSICS_"
SEED, FAULTS = 20_260_105, 6
ENDS_SECONDS = 300.0
#: what the Dag's own schedule loads meanwhile is a day of its own
OF_THEM = "WHERE day < '2026-01-10'"
DAYS = [f"2026-01-{number:02}" for number in range(1, 8)]


class ClassicsTarget(FleetTarget):
    """A fleet with the Dags of the classic examples, too."""

    def __init__(self, there: Classics) -> None:
        super().__init__(Topology(slots=4, schedulers=2))
        self.there = there

    def start(self) -> None:
        """As ever, and then the examples."""
        super().start()
        copy_into(self._fleet.root)
        for dag_id in ("csv_to_dynamo", "orders_from_api", "stock_gate", "deliveries", "sales_marts", "by_region"):
            self._fleet.wait_for_dag(dag_id)

    def _fleet_yaml(self) -> str:
        mine = "".join(f', {name}: "${{{{ env.{MARK}{name} }}}}"' for name in self.there.environment())
        return super()._fleet_yaml().replace(f"{self.witness_folder}}}", f"{self.witness_folder}{mine}}}")


@dataclass
class Storm:
    """Runs that were begun, and faults between them."""

    target: ClassicsTarget
    begun: list[tuple[str, str]] = field(default_factory=list)

    def begin(self, dag_id: str, **conf: object) -> None:
        """Start a run; asked again while nobody answers, under an id that makes it one run."""
        fleet, run_id = self.target._fleet, f"storm-{len(self.begun)}"
        self.begun.append((dag_id, run_id))

        def asked() -> bool:
            try:
                fleet.api.patch("dags", dag_id, body={"is_paused": False}, update_mask="is_paused")
                fleet.api.post(
                    "dags", dag_id, "dagRuns", body={"dag_run_id": run_id, "logical_date": None, "conf": conf}
                )
            except ApiError as refused:
                return refused.status == 409  # it was asked for, and only the answer was lost
            except OSError:
                return False
            return True

        wait_until(asked, 90, f"{dag_id} is asked for", 0.5)

    def blow(self, faults: int, seed: int) -> None:
        """One random fault after the other, each healed and recovered from."""
        for step in nemesis.schedule(seed, faults, quiet_seconds=(1.0, 4.0), longest_seconds=6.0):
            if isinstance(step.fault, KillMonitor):  # it looks for tasks that write down what they do
                continue
            time.sleep(step.after_seconds)
            print(f"fault: {step.fault.name}")
            step.fault.inflict(self.target)
            time.sleep(step.fault.seconds)
            step.fault.heal(self.target)
            wait_until(self.target.is_well, 120, f"all is well after: {step.fault.name}", 0.5)

    def states(self) -> dict[tuple[str, str], str]:
        """How the runs that were begun ended."""
        return {run: self.target._fleet.wait_for_run(*run, ENDS_SECONDS) for run in self.begun}


@pytest.fixture
def storm(
    tmp_path: object, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Storm]:
    with classics(tmp_path_factory.mktemp("classics")) as there:
        for name, value in there.environment().items():
            monkeypatch.setenv(f"{MARK}{name}", value)
        with ClassicsTarget(there) as target:
            yield Storm(target)


def test_every_pipeline_ends_with_the_right_output_whatever_breaks(storm: Storm) -> None:
    there = storm.target.there
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
