"""The README's figures say no more than was seen, and compare like with like."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
SCRIPT = REPOSITORY / "scripts" / "docs.py"
RESULTS = REPOSITORY / "benchmarks" / "results"
LIGHTNING = REPOSITORY / "examples" / "lightning" / "README.md"


@pytest.fixture(scope="module")
def docs() -> Any:
    """``scripts/docs.py`` as a module."""
    spec = importlib.util.spec_from_file_location("docs", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("recovered", "failed", "said"),
    [(5, 0, "2.4 s"), (5, 1, "2.4 s"), (3, 1, "they fail"), (3, 0, "3 of 5 times"), (0, 0, "0 of 5 times")],
)
def test_tasks_fail_only_where_they_were_seen_to(docs: Any, recovered: int, failed: int, said: str) -> None:
    rerun = {"median_s": 2.354, "recovered": recovered, "of": 5}
    assert docs._recovery({"recovery": {"rerun": rerun}, "failed_tasks": failed}, "rerun") == said


def test_how_many_tasks_failed_is_a_mean(docs: Any) -> None:
    assert docs._failed_by_it({"failed_tasks": 9, "times": 2}) == "4"
    assert docs._failed_by_it({"failed_tasks": 0, "times": 1}) == "0"


@pytest.fixture
def results(tmp_path: Path, docs: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the results, of which the README's table is made."""
    docs.figures()  # the modules of `benchmarks` are found beside the real ones
    folder = tmp_path / "benchmarks" / "results"
    shutil.copytree(RESULTS, folder, ignore=shutil.ignore_patterns("raw"))
    monkeypatch.setattr(docs, "RESULTS", folder)
    return folder


def changed(file: Path, change: Any) -> None:
    """Write a file of results anew as ``change`` leaves it."""
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_idle_use_is_shown_beside_airflow_with_as_many_slots(docs: Any, results: Path) -> None:
    changed(results / "start_and_idle.json", lambda idle: idle.update(stock_same_slots=idle["stock"]))
    assert "| idle memory" in docs.figures()
    assert "- **idle**" in docs.figures()


def test_idle_use_is_not_compared_with_more_slots_alone(docs: Any, results: Path) -> None:
    changed(results / "start_and_idle.json", lambda idle: idle.pop("stock_same_slots", None))
    assert "idle" not in docs.figures()
    assert "| start to healthy" in docs.figures()


@pytest.mark.parametrize(("ways", "shown"), [(["loader_context"], True), ([], False)])
def test_the_way_to_a_dag_is_shown_beside_the_loader_that_airflow_advises(
    docs: Any, results: Path, ways: list[str], shown: bool
) -> None:
    def leave(parsing: Any) -> None:
        rows = [row for row in parsing["rows"] if row["way"] != "loader_context"]
        like = next(row for row in rows if row["dags"] == 1000)
        parsing["rows"] = rows + [{**like, "way": way} for way in ways]

    changed(results / "parse_cost.json", leave)
    assert ("a task's way to its Dag" in docs.figures()) is shown


def test_a_figure_that_is_not_there_is_said_to_be_so(docs: Any, results: Path) -> None:
    def forget(measured: Any) -> None:
        for systems in measured["slots"].values():
            systems.pop("stock_quick", None)
            systems.pop("stock_busy", None)

    changed(results / "task_path.json", forget)
    chain = next(line for line in docs.figures().splitlines() if line.startswith("| a chain"))
    assert chain.endswith("| not measured |")


def test_the_column_of_tuned_airflow_has_the_better_of_its_two_sets_of_settings(docs: Any, results: Path) -> None:
    def add(measured: Any) -> None:
        systems = measured["slots"]["16"]
        for name, wall_s, tasks_per_s in (("stock_quick", 9.4, 5.0), ("stock_busy", 30.0, 8.5)):
            workloads = json.loads(json.dumps(systems["stock"]["workloads"]))
            workloads["chain40"]["median"]["wall_s"] = wall_s
            workloads["fanout100"]["median"]["tasks_per_s"] = tasks_per_s
            systems[name] = {**systems["stock"], "workloads": workloads}

    changed(results / "task_path.json", add)
    chain, fan_out = (
        next(line for line in docs.figures().splitlines() if line.startswith(title))
        for title in ("| a chain of 40", "| a fan-out of 100")
    )
    assert "| 9.4 s" in chain
    assert "| 8.5 tasks/s" in fan_out


def test_the_readme_of_the_lightning_example_has_the_figures_of_its_benchmark() -> None:
    measured = json.loads((RESULTS / "lightning.json").read_text())
    text = LIGHTNING.read_text()
    for name, step in measured["steps"].items():
        seconds = step["seconds"]["median"]
        row = f"| {seconds:.1f} | {measured['rows'] / seconds:,.0f} | {step['peak_mb']:,.0f} |"
        assert row in text, name
    assert measured["machine"]["commit"] in text
