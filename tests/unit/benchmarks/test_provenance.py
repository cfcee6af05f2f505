"""Which code a figure was measured with, and whether it has changed since."""

from __future__ import annotations

import json

import measuring
import provenance
import pytest
from systems import SYSTEMS


def test_a_figure_is_marked_once_its_code_is_another() -> None:
    now = provenance.code("cli_start")
    assert provenance.mark("cli_start", {"code": now}) == ""
    assert provenance.mark("cli_start", {"code": "0123456789ab"}) == " ‡"
    assert provenance.mark("cli_start", {}) == " ‡"


@pytest.mark.parametrize(
    "changed", [[("a", b"1"), ("b", b"3")], [("a", b"1")], [("c", b"1"), ("b", b"2")], [("a", b"1b"), ("", b"2")]]
)
def test_another_content_name_or_number_of_files_is_another_code(changed: list[tuple[str, bytes]]) -> None:
    assert provenance.digest(changed) != provenance.digest([("a", b"1"), ("b", b"2")])


def test_every_place_that_a_result_depends_on_is_there() -> None:
    places = {place for places in provenance.DEPENDS_ON.values() for place in places}
    assert [place for place in places if not (provenance.REPOSITORY / place).exists()] == []


def test_how_soon_an_edit_is_seen_depends_on_the_scheduler_that_forgets_the_version_before() -> None:
    (found,) = (
        path
        for path in (provenance.REPOSITORY / provenance.SRC).rglob("*.py")
        if "class RememberingDagBag" in path.read_text()
    )
    assert found.relative_to(provenance.REPOSITORY).as_posix() in provenance.DEPENDS_ON["edit_visible"]


def test_every_result_says_what_it_depends_on() -> None:
    assert {file.stem for file in measuring.RESULTS.glob("*.json")} <= provenance.DEPENDS_ON.keys()


def test_figures_of_others_do_not_depend_on_airfleet() -> None:
    assert provenance.depends("task_path", "airfleet_yaml") == "task_path"
    assert provenance.depends("task_path", "dbos") == "task_path of others"
    assert not any(place.startswith(provenance.SRC) for place in provenance.DEPENDS_ON["faults of others"])


#: parsing costs a fleet nothing while no file changes
BESIDE_TASKS = {"dag_processor", "pipelines"}


@pytest.mark.parametrize("name", ["capacity", "faults", "memory", "soak", "start_and_idle"])
def test_figures_of_a_running_fleet_depend_on_the_code_of_each_of_its_processes(name: str) -> None:
    src = provenance.REPOSITORY / provenance.SRC
    with_airflow = {file.parent.name for file in src.glob("*/__init__.py") if file.read_text().endswith('[A]"""\n')}
    rooms = {"agent", "metadata", "spool", "system", *with_airflow} - BESIDE_TASKS
    assert {f"{provenance.SRC}/{room}" for room in rooms} - set(provenance.DEPENDS_ON[name]) == set()


def test_statements_of_sql_are_code_too() -> None:
    assert any(file.endswith(".sql") for file in provenance._files(provenance.DEPENDS_ON["task_path"]))


def test_every_row_of_the_results_fits_on_a_line_and_says_its_commit() -> None:
    text = (measuring.RESULTS / "faults.json").read_text()
    rows = [row for rows in json.loads(text)["systems"].values() for row in rows.values()]
    assert len(text.splitlines()) < 2 * len(rows)
    assert [row for row in rows if not row["commit"] or row["airflow"] == ""] == []


def test_a_command_makes_every_figure_of_a_system_again() -> None:
    measured = json.loads((measuring.RESULTS / "task_path.json").read_text())
    names = {name for systems in measured["slots"].values() for name in systems}
    assert names <= SYSTEMS.keys()


def test_the_origin_of_a_figure_says_when_its_code_has_changed() -> None:
    made = {
        "cores": 2,
        "packages": {"apache-airflow": "3.3.2"},
        "python": "3.11.7",
        "date": "2026-11-24",
        "commit": "35c9231",
    }
    now = {"machine": made, "code": provenance.code("memory")}
    said = "2 cores, Airflow 3.3.2, Python 3.11.7, 2026-11-24, commit 35c9231"
    assert measuring.origin("memory", now) == said
    assert measuring.origin("memory", {**now, "code": "0123456789ab"}) == f"{said} ‡ (the code has changed since)"
