"""A request that takes the short path is answered as Airflow answers it, and leaves the same in the database."""

from __future__ import annotations

from typing import Any

import pytest

from support.beside_airflow import told_by
from support.failing_database import FAILURES
from support.two_paths import CASES, ODD

DAG = """
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("two_paths", schedule=None):
    EmptyOperator(task_id="a")
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What both paths answered to each request."""
    found: dict[str, Any] = told_by("support.two_paths", DAG, tmp_path_factory.mktemp("two-paths"))
    return found


@pytest.mark.parametrize("name", CASES)
def test_both_paths_answer_the_same_and_leave_the_same(told: dict[str, Any], name: str) -> None:
    long, short = told[name]["long"], told[name]["short"]
    for what in ("status", "body", "database", "headers"):
        assert short[what] == long[what], what


@pytest.mark.parametrize("name", CASES)
def test_a_request_goes_the_way_that_it_should(told: dict[str, Any], name: str) -> None:
    assert told[name]["short"]["passed on"] == (0 if CASES[name].short else 1)
    if CASES[name].short:
        assert told[name]["long"]["status"] < 300


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.statements])
def test_the_plain_case_needs_few_statements(told: dict[str, Any], name: str) -> None:
    needed = told[name]["short"]["statements"]
    most = told[name]["long"]["statements"] - (CASES[name].method != "GET")  # to read a value takes one on both ways
    assert needed == CASES[name].statements <= most


def test_the_requests_are_the_ones_that_they_claim_to_be(told: dict[str, Any]) -> None:
    """Each refusal that Airflow knows is among them."""
    statuses = {told[name]["long"]["status"] for name in CASES}
    assert {200, 201, 204, 401, 403, 404, 409, 422} <= statuses
    assert "refreshed-api-token" in told["soon expired"]["long"]["headers"]
    assert told["correlation id"]["short"]["headers"]["correlation-id"] == "abc"


def test_odd_requests_are_answered_as_airflow_answers_them(told: dict[str, Any]) -> None:
    count, differing = told["odd"]
    assert count >= ODD
    assert [[request, *(side[:2] for side in sides)] for request, *sides in differing] == []


def test_a_token_is_checked_once_and_serves_its_own_task_until_it_is_to_be_renewed(told: dict[str, Any]) -> None:
    """Status, requests that were passed on to Airflow, and signatures that were checked on the short path."""
    assert told["one token"] == {
        "first": [204, 0, 1],
        "again": [204, 0, 0],
        "for another task": [403, 1, None],
        "before it is to be renewed": [204, 0, 0],
        "when it is to be renewed": [204, 1, None],
    }


def test_a_token_of_age_is_renewed_long_before_it_ends_so_that_it_outlives_an_outage(told: dict[str, Any]) -> None:
    """Status, requests that were passed on to Airflow, and what the new token says."""
    renewed = told["renewed"]
    new = {"sub": renewed.pop("sub"), "scope": "execution"}
    assert renewed == {
        "heartbeat after 299 s": [204, 0, None, None],
        "heartbeat after 301 s": [204, 0, new, 600],
        "heartbeat after 302 s": [204, 0, new, 600],
        "run after 301 s": [200, 0, new, 600],
    }


def test_requests_that_come_at_once_share_connections_that_stay_open(told: dict[str, Any]) -> None:
    many = told["many at once"]
    assert (many["answers"], many["passed on"]) == ([201], 0)
    first, again = many["opened"]
    assert 1 <= first <= 4
    assert again == 0


def test_fields_that_come_with_a_success_are_stored_as_those_that_come_alone(told: dict[str, Any]) -> None:
    carried = told["carried"]
    assert carried["as Airflow stores them"]
    assert carried["success"] == [204, "stored", carried["as Airflow stores them"]]


@pytest.mark.parametrize("name", ["failure", "no fields", "no short path"])
def test_who_does_not_take_fields_along_says_nothing_of_them(told: dict[str, Any], name: str) -> None:
    assert told["carried"][name] == [204, None, []]


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Status and state when the database fails, and when the request comes again."""
    found: dict[str, Any] = told_by("support.failing_database", DAG, tmp_path_factory.mktemp("failing-database"))
    return found


LASTING = ["the request is too much", "the request takes too long", "it follows an error"]
PASSING = [name for name in FAILURES if name not in LASTING]
END = {"trigger": "deferred", "asset_event": "success", "task_instance_history": "up_for_retry"}


@pytest.mark.parametrize("side", ["short", "long"])
@pytest.mark.parametrize("name", PASSING)
def test_an_attempt_is_not_failed_for_what_befalls_the_database(failing: dict[str, Any], name: str, side: str) -> None:
    assert failing[name][side] == [503, "running", 204, END[FAILURES[name].table]]


@pytest.mark.parametrize("name", PASSING)
def test_airflow_itself_would_fail_it_or_call_it_an_error_of_its_own(failing: dict[str, Any], name: str) -> None:
    """When it does so no more, ours is not needed."""
    fails = FAILURES[name].table == "asset_event"
    assert failing[name]["Airflow"][:2] == ([204, "failed"] if fails else [500, "running"])


@pytest.mark.parametrize("name", LASTING)
def test_what_no_repetition_mends_is_answered_as_by_airflow(failing: dict[str, Any], name: str) -> None:
    answers = failing[name]
    assert answers["short"] == answers["long"] == answers["Airflow"]
    assert answers["Airflow"][:2] == [204, "failed"]


def test_a_heartbeat_that_is_taken_counts_whichever_way_it_goes(failing: dict[str, Any]) -> None:
    assert failing["heard"]["short"] == failing["heard"]["long"] == [204, True, 409, False]
    assert failing["heard"]["Airflow"] == [204, False, 409, False]
