"""Figures say what was seen, and there are none of a run in which not everything ran once."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import soak_page
import tables
import workloads
from charts import Pair, Panel, bar_chart, line_chart, pair_chart
from figures import Run, Slot, figures, median_figures, percentile, slope_per_hour
from soak import growth_of
from systems.airflow import slots_in
from witness import Execution, Ledger, NotDone, require_each_once
from workloads import Workload

CHAIN = Workload("chain", "", workloads.chain(3))


def ran(number: int, began: float, ended: float, run: str = "r") -> Execution:
    return Execution(run, number, began, ended, pid=100 + number)


THREE = (ran(0, 10.5, 11.0), ran(1, 11.25, 12.0), ran(2, 12.5, 13.0))


def test_everything_that_ran_once_is_accepted() -> None:
    require_each_once(CHAIN, THREE)


@pytest.mark.parametrize(
    ("executions", "says"),
    [
        ((), "0 of 3 tasks ran"),
        (THREE[:2], "2 of 3 tasks ran"),
        ((*THREE, THREE[1]), "more than once"),
        ((*THREE, ran(0, 1, 2, "other")), "2 began"),
    ],
)
def test_anything_else_gives_no_figure(executions: tuple[Execution, ...], says: str) -> None:
    with pytest.raises(NotDone, match=says):
        require_each_once(CHAIN, executions)


def test_figures_of_a_chain() -> None:
    run = Run(10.0, 13.5, {"r": 10.0}, THREE, cpu_seconds=0.6, slots=(Slot(0.7, 0.5, 0.1), Slot(5.5, 0.5, 5.0)))
    found = figures(CHAIN, run)
    assert found["wall_s"] == 3.5
    assert found["cpu_ms_per_task"] == pytest.approx(200)
    assert found["overhead_s"] == pytest.approx(3.5 - 1.75)
    assert (found["gap_p50_s"], found["gap_p99_s"]) == (0.25, 0.5)
    assert found["first_task_p50_s"] == 0.5
    assert (found["slot_excess_p50_s"], found["slot_excess_p99_s"]) == (pytest.approx(0.2), 5.0)
    assert found["slot_late_max_s"] == 5.0
    assert found["processes"] == 3


def test_what_a_workload_has_not_is_not_made_up() -> None:
    fan = Workload("fan", "", workloads.fan_out(1))
    found = figures(fan, Run(0, 1, {"r": 0.0}, tuple(ran(n, 0.1, 0.2) for n in range(3)), 0.1))
    assert found["slot_excess_p99_s"] is None
    assert median_figures([found, found])["slot_excess_p99_s"] is None


def test_the_percentile_is_a_value_that_was_seen() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 99), percentile(values, 100)) == (50, 99, 100)
    assert percentile([], 50) is None


def test_a_slope_is_per_hour() -> None:
    assert slope_per_hour([(0, 1), (1800, 2), (3600, 3)]) == pytest.approx(2)


def test_what_grows_is_not_called_flat() -> None:
    minutes = [60.0 * minute for minute in range(60)]
    assert growth_of([(at, 500 + at % 120 / 60) for at in minutes])["flat"]
    assert not growth_of([(at, 500 + at / 20) for at in minutes])["flat"]


def test_a_slot_is_read_from_the_workers_log_when_its_task_is_known() -> None:
    name = "a3701bcf-3e57-4878-993c-68909cb76a6c"
    line = f"2026-01-01T00:00:10.500000Z [info     ] Task execute_workload[{name}] succeeded in 5.25s: None\n"
    began = 1767225605.0
    assert slots_in(line, {name: (began, began + 0.5)}) == [Slot(5.25, 0.5, 5.0)]
    assert slots_in(line, {}) == []


def test_only_what_is_new_in_the_ledger_is_read(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.path.write_text("r\t0\t1\t2\t3\n")
    ledger.skip()
    with ledger.path.open("a") as file:
        file.write("r\t1\t1.5\t2.5\t4\n")
    assert ledger.executions() == (Execution("r", 1, 1.5, 2.5, 4),)


def test_the_page_shows_what_failed_and_what_is_not_offered() -> None:
    about = {"title": "x", "isolation": "i", "durability": "d"}
    results = {
        "machine": {"cores": 2, "python": "3.11", "date": "2026-01-01"},
        "slots": {
            "2": {
                "a": {"about": about, "version": "1", "workloads": {"w": {"title": "W", "failed": "half of it ran"}}},
            },
            "16": {
                "b": {"about": about, "failed": "no program", "workloads": {"w": {"title": "W", "not_offered": "no"}}},
            },
        },
    }
    page = tables.markdown(results)
    assert "not measured: no program" in page
    with_16, with_2 = page.split("## 16 slots")[1].split("## 2 slots")
    assert "| no " in with_16
    assert "failed: half of it ran\n" in with_2


def test_a_chart_has_a_bar_for_each_value_and_is_always_the_same() -> None:
    bars = [("airfleet", 4.0), ("other <one>", 400.0)]
    drawn = bar_chart("seconds", bars)
    assert drawn == bar_chart("seconds", bars)
    assert drawn.count("<rect") == 2
    assert "other &lt;one&gt;" in drawn


def test_pairs_stand_on_one_scale_and_what_never_came_goes_to_its_end() -> None:
    pairs = [Pair("one", 0.0, 10.0), Pair("<two>", 1.0, math.inf, ", 3 violations")]
    drawn = pair_chart("seconds", pairs, least=0.1)
    widths = [int(piece.partition('"')[0]) for piece in drawn.partition("</style>")[2].split(' width="')[1:]]
    assert [round(one / widths[0]) for one in widths] == [1, 3, 2, 3]
    assert widths[3] == widths[1]
    assert [drawn.count(text) for text in (">never, 3 violations<", ">10<", "&lt;two&gt;")] == [1, 1, 1]


def test_a_pair_of_which_one_is_missing_has_one_bar() -> None:
    drawn = pair_chart("seconds", [Pair("one", 1.0, None, ", 3 violations")], least=0.1)
    assert drawn.count("<rect") == 1
    assert ">–, 3 violations<" in drawn


def test_a_chart_of_lines_has_each_line_on_its_own_scale_with_its_last_value() -> None:
    drawn = line_chart("an hour", [Panel("ms", [(1, 10.0), (2, 20.0)]), Panel("MB <all>", [(1, 900.0), (2, 450.0)])])
    lines = [piece.partition('"')[0] for piece in drawn.split('points="')[1:]]
    heights = [[float(place.split(",")[1]) for place in line.split()] for line in lines]
    assert [[round(y - ys[-1]) for y in ys] for ys in heights] == [[35, 0], [-35, 0]]
    assert [drawn.count(text) for text in (">20<", ">450<", "MB &lt;all&gt;")] == [1, 1, 1]


def test_the_page_of_the_soak_says_what_grew_and_whether_the_load_was_kept_up_with() -> None:
    growth = {"first": 0.05, "median": 0.05, "last": 0.06, "growth": 0.01, "flat": False}
    flat = {**growth, "growth": 0.001, "flat": True}
    of = {"growth": dict.fromkeys(soak_page.SHOWN, flat) | {"pss_mb": growth}, "keeps_up": False, "samples": []}
    machine = {
        "cores": 2,
        "packages": {"apache-airflow": "3.3.2"},
        "python": "3.11",
        "date": "2026-01-01",
        "commit": "0123abc",
    }
    results = {
        "machine": machine,
        "minutes": 60,
        "rate": 5,
        "slots": 2,
        "finished": 100_000,
        "systems": {"airfleet": of},
    }
    page = soak_page.markdown(results)
    assert "**airfleet**: the load was not kept up with." in page
    assert "Each of the 18,000 tasks ran exactly once." in page
    grown = [line.split("|")[-3:-1] for line in page.splitlines() if "GROWS" in line]
    assert [[cell.strip() for cell in cells] for cells in grown] == [["+20.0%", "GROWS"]]
