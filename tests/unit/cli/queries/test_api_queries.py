"""Dags, runs and task instances: found, ordered, named and described from what the API says."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from airfleet.cli.queries import api_queries
from airfleet.cli.queries.api_queries import Json

NOW = dt.datetime(2026, 1, 31, 6, 1, tzinfo=dt.UTC)


def instance(task: str = "load", state: str | None = "running", index: int = -1, **more: Any) -> Json:
    return {"task_id": task, "map_index": index, "state": state, **more}


@pytest.mark.parametrize(
    ("found", "seconds"),
    [
        (instance(state="success", duration=1.5, end_date="2026-01-31T06:00:02Z"), 1.5),
        (instance(state="running", start_date="2026-01-31T06:00:30Z"), 30.0),
        (instance(state="running", start_date="2026-01-31T06:00:30Z", duration=2.0), 30.0),
        (instance(state="failed", start_date="2026-01-31T06:00:30Z", end_date="2026-01-31T06:00:40Z"), 10.0),
        (instance(state="running", start_date="2026-01-31T06:01:30Z"), 0.0),
        (instance(state="queued", start_date="2026-01-31T06:00:30Z"), None),
        (instance(state=None), None),
    ],
)
def test_how_long_it_took_or_has_been_running(found: Json, seconds: float | None) -> None:
    assert api_queries.seconds(found, NOW) == seconds


@pytest.mark.parametrize(("index", "name"), [(-1, "load"), (0, "load[0]"), (12, "load[12]")])
def test_a_mapped_instance_is_named_with_its_index(index: int, name: str) -> None:
    assert api_queries.name(instance(index=index)) == name


def test_instances_stand_in_the_order_in_which_tasks_can_run() -> None:
    found = [instance("b", index=1), instance("gone"), instance("b", index=0), instance("a")]
    ordered = api_queries.in_order(found, ("a", "b"))
    assert list(map(api_queries.name, ordered)) == ["a", "b[0]", "b[1]", "gone"]


class Tasks:
    """The tasks of a Dag, as the API gives them."""

    def get(self, *path: str) -> Json:
        down = {"report": [], "extract": ["load", "report"], "load": ["report"]}
        assert path == ("dags", "orders", "tasks")
        return {"tasks": [{"task_id": task, "downstream_task_ids": after} for task, after in down.items()]}


def test_tasks_are_told_with_what_they_wait_for_and_first_those_that_can_run_first() -> None:
    found = api_queries.upstream(Tasks(), "orders")  # type: ignore[arg-type]
    assert list(found) == ["extract", "load", "report"]
    assert found == {"extract": (), "load": ("extract",), "report": ("extract", "load")}


@pytest.mark.parametrize(
    ("found", "sentence", "mood"),
    [
        (instance(state=None), "waiting", "idle"),
        (instance(state="success", duration=1.25, end_date="x"), "success after 1.2s", "good"),
        (instance(state="upstream_failed", duration=0.0, end_date="x"), "not run", "bad"),
        (instance(state="up_for_retry", try_number=1, max_tries=2), "will be tried again (attempt 1 of 3)", "bad"),
        (instance(state="running", try_number=2, max_tries=2), "running (attempt 2 of 3)", "busy"),
        (instance(state="success", try_number=4, max_tries=2), "success (attempt 4 of 4)", "good"),
    ],
)
def test_an_instance_is_told_in_words(found: Json, sentence: str, mood: str) -> None:
    item = api_queries.item(found, NOW)
    assert (item.sentence, item.mood) == (sentence, mood)


def test_of_a_traceback_the_end_is_told_and_any_other_text_whole() -> None:
    trace = "\n".join(["Traceback (most recent call last):", *(f"  line {n}" for n in range(9)), "KeyError: 'x'"])
    assert api_queries.short_trace(trace).splitlines() == ["  line 6", "  line 7", "  line 8", "KeyError: 'x'"]
    assert api_queries.short_trace("a\nb\nc\nd\ne\nf") == "a\nb\nc\nd\ne\nf"
    assert api_queries.short_trace("") == ""
