"""The report for people and for programs."""

from __future__ import annotations

from airfleet.doctor import checks, report
from airfleet.doctor.checks import CHECKS, Result
from airfleet.doctor.finding import State, fine, unknown, warning, wrong
from airfleet.doctor.report import Subject

RESULTS = (
    Result(CHECKS[0], (fine("fleet.yaml has no problems"),)),
    Result(CHECKS[1], (wrong("2 problems in 3 files of pipelines", "airfleet check"), warning("hm", "look"))),
    Result(CHECKS[2], (unknown("the fleet is not running", "airfleet up"),)),
    Result(CHECKS[3], (unknown("the fleet is not running", "airfleet up"),)),
)
SUBJECT = Subject("shop", "local", "2026-11-26T19:00:00+00:00", probes=False)


def test_the_value_for_programs_has_every_check_its_state_and_the_counts() -> None:
    data = report.as_data(SUBJECT, RESULTS)
    assert (data["fleet"], data["host"], data["exit_code"]) == ("shop", "local", checks.exit_code(RESULTS))
    assert data["counts"] == {"fine": 1, "unknown": 2, "warning": 0, "wrong": 1}
    assert [(one["code"], one["state"]) for one in data["checks"]] == [
        ("D101", "fine"), ("D102", "wrong"), ("D103", "unknown"), ("D104", "unknown"),
    ]  # fmt: skip
    assert data["checks"][1]["seen"][0] == {
        "state": "wrong", "sentence": "2 problems in 3 files of pipelines", "next": "airfleet check",
    }  # fmt: skip
    assert data["left_out"] == {}


def test_people_see_findings_alone_unless_they_ask_for_all() -> None:
    assert [seen.state for _, seen in report.findings(RESULTS)] == [State.WRONG, State.WARNING]
    assert len(list(report.findings(RESULTS, everything=True))) == 5


def test_checks_that_could_not_be_made_are_grouped_by_the_reason() -> None:
    assert report.not_made(RESULTS) == {("the fleet is not running", "airfleet up"): ["D103", "D104"]}


def test_the_summary_counts_each_state_the_worst_first() -> None:
    assert report.summary(RESULTS) == "4 checks: 1 wrong, 2 could not be made, 1 fine"
