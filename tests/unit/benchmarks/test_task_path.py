"""Which system runs when, how often, and what is kept of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import task_path
import workloads
from figures import Run
from systems import About
from witness import Execution
from workloads import Workload

ONE = Workload("one", "", workloads.no_structure(1))
TWO = Workload("two", "", workloads.no_structure(1))
MAPPED = Workload("mapped", "", workloads.no_structure(1), mapped=True)


class Toy:
    """A system that runs at once; ``said`` is what it was asked, of all of them."""

    def __init__(self, name: str, said: list[str], seconds: float = 0.1, breaks: str = "") -> None:
        self.name = name
        self.about = About(name, "nothing", "nothing")
        self._said = said
        self._seconds = seconds
        self._breaks = breaks

    def offers(self, workload: Workload) -> str:
        return "no maps" if workload.mapped else ""

    def start(self, offered: list[Workload]) -> None:
        self._say("start")

    def version(self) -> str:
        return "1"

    def run(self, workload: Workload, label: str) -> Run:
        self._say("run")
        ran = Execution("r", 0, 10.0, 10.0 + self._seconds, pid=1)
        return Run(10.0, 10.0 + self._seconds, {"r": 10.0}, (ran,), 0.1, ())

    def stop(self) -> None:
        self._say("stop")

    def _say(self, what: str) -> None:
        self._said.append(f"{self.name} {what}")
        if what == self._breaks:
            raise RuntimeError("it broke")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    lines: list[str] = []
    toys = {
        "a": Toy("a", lines),
        "b": Toy("b", lines),
        "slow": Toy("slow", lines, seconds=100.0),
        "broken": Toy("broken", lines, breaks="start"),
        "breaks": Toy("breaks", lines, breaks="run"),
    }
    monkeypatch.setattr(task_path, "make", lambda name, folder, slots: toys[name])
    return lines


def measured(names: list[str], of: list[Workload], **more: Any) -> dict[str, Any]:
    defaults = {"slots": 2, "repeats": 2, "budget": 60.0, "turns": False, "rounds": 1}
    kept: dict[str, Any] = {}
    task_path.in_rounds(
        names, of, argparse.Namespace(**{**defaults, **more}), lambda name, found: kept.update({name: found})
    )
    return kept


def test_systems_that_are_there_at_once_take_turns(said: list[str]) -> None:
    kept = measured(["a", "b"], [ONE], turns=True)
    assert said == ["a start", "b start", *["a run", "b run"] * 3, "b stop", "a stop"]
    assert [len(kept[name]["workloads"]["one"]["runs"]) for name in "ab"] == [2, 2]


def test_each_round_starts_every_system_anew_and_adds_to_what_was_measured(said: list[str]) -> None:
    kept = measured(["a", "b"], [ONE, TWO], rounds=3, repeats=1)
    assert said == [*["a start", *["a run"] * 4, "a stop", "b start", *["b run"] * 4, "b stop"] * 3]
    assert [len(kept[name]["workloads"][each.name]["runs"]) for name in "ab" for each in (ONE, TWO)] == [3, 3, 3, 3]


RAN = {"title": "", "tasks": 1, "runs": [{"wall_s": 1.0}, {"wall_s": 2.0}], "median": {"wall_s": 1.5}}


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({}, {"workloads": {"one": RAN}}, RAN),
        ({"one": RAN}, {"workloads": {"one": {"failed": "it broke"}}}, {"failed": "it broke"}),
        ({"one": {"failed": "it broke"}}, {"workloads": {"one": RAN}}, {"failed": "it broke"}),
        ({"one": RAN}, {"workloads": {}}, RAN),
    ],
)
def test_a_workload_that_failed_in_one_round_has_failed(
    before: dict[str, Any], now: dict[str, Any], told: dict[str, Any]
) -> None:
    assert task_path.joined({"workloads": before}, now)["workloads"]["one"] == told


def test_a_system_that_did_not_start_in_one_round_has_failed() -> None:
    assert task_path.joined({"workloads": {}, "failed": "it broke"}, {"workloads": {}})["failed"] == "it broke"


def test_the_median_is_that_of_all_rounds() -> None:
    more = {"one": {**RAN, "runs": [{"wall_s": 9.0}]}}
    both = task_path.joined({"workloads": {"one": RAN}}, {"workloads": more})["workloads"]["one"]
    assert both["median"] == {"wall_s": 2.0}
    assert both["runs"] == [{"wall_s": 1.0}, {"wall_s": 2.0}, {"wall_s": 9.0}]
    assert (both["wall_s"], both["n"]) == ([1.0, 9.0], 3)


def test_the_file_of_results_has_no_single_runs() -> None:
    results = {"slots": {"2": {"a": {"about": {}, "workloads": {"one": {**RAN, "n": 2}}}}}}
    compact = task_path.compact(results)
    assert compact["slots"]["2"]["a"]["workloads"]["one"] == {
        "title": "",
        "tasks": 1,
        "median": {"wall_s": 1.5},
        "n": 2,
    }


@pytest.mark.parametrize(("name", "runs"), [("a", 3), ("slow", 2)])
def test_a_first_run_warms_up_unless_it_is_long(said: list[str], name: str, runs: int) -> None:
    kept = measured([name], [ONE])
    assert said.count(f"{name} run") == runs
    assert len(kept[name]["workloads"]["one"]["runs"]) == 2


def test_a_budget_that_is_spent_leaves_one_run(said: list[str]) -> None:
    kept = measured(["a"], [ONE], budget=0.0)
    assert len(kept["a"]["workloads"]["one"]["runs"]) == 1


def test_what_breaks_says_so_and_the_others_go_on(said: list[str]) -> None:
    kept = measured(["broken", "breaks", "a"], [ONE], turns=True)
    assert kept["broken"] == {
        "about": vars(About("broken", "nothing", "nothing")),
        "workloads": {},
        "failed": "it broke",
    }
    assert kept["breaks"]["workloads"]["one"]["failed"] == "it broke"
    assert len(kept["a"]["workloads"]["one"]["runs"]) == 2
    assert [line for line in said if line.endswith("stop")] == ["a stop", "breaks stop", "broken stop"]


def test_what_is_not_offered_is_not_run(said: list[str]) -> None:
    kept = measured(["a"], [MAPPED])
    assert "a run" not in said
    assert kept["a"]["workloads"]["mapped"]["not_offered"] == "no maps"
