"""What bringing a plan up would change: what starts, what stops, what is started anew, and why."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from airfleet.fleet.changes import Change, compare
from airfleet.fleet.description import Described, Description

SCHEDULER = Described("scheduler", "scheduler", secrets="s")
WORKER = Described("light", "worker", options={"queues": "default", "slots": "4"}, secrets="w")
POSTGRES = Described("postgres", "postgres", address="127.0.0.1:5432", airflow=False)
BEFORE = Description("local", (POSTGRES, SCHEDULER, WORKER), settings={"core.x": "1"}, environment={"TZ": "u"})
RUNNING = ("postgres", "scheduler", "light")


def signs(changes: tuple[Change, ...]) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {change.component.name: (change.sign, change.why) for change in changes}


def test_nothing_changes_between_a_plan_and_itself() -> None:
    assert [change.sign for change in compare(BEFORE, BEFORE, RUNNING)] == ["", "", ""]


def test_what_does_not_run_starts_and_what_is_not_planned_stops() -> None:
    planned = replace(BEFORE, components=(SCHEDULER, replace(SCHEDULER, name="scheduler-2"), WORKER))
    assert signs(compare(planned, BEFORE, RUNNING)) == {
        "scheduler": ("", ()),
        "scheduler-2": ("+", ()),
        "light": ("", ()),
        "postgres": ("-", ()),
    }


def test_what_has_died_for_good_starts() -> None:
    assert signs(compare(BEFORE, BEFORE, ("postgres", "light")))["scheduler"] == ("+", ())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"options": {"queues": "default,quick", "slots": "4"}}, "queues default → default,quick"),
        ({"options": {"queues": "default"}}, "slots 4 → nothing"),
        ({"memory_bytes": 2**31}, "memory without limit → 2GB"),
        ({"secrets": "other"}, "what it is told in secret"),
    ],
)
def test_a_component_is_started_anew_for_what_it_is_told(changed: dict[str, object], why: str) -> None:
    planned = replace(BEFORE, components=(POSTGRES, SCHEDULER, replace(WORKER, **changed)))  # type: ignore[arg-type]
    found = signs(compare(planned, BEFORE, RUNNING))
    assert found["light"] == ("~", (why,))
    assert found["scheduler"] == ("", ())


def test_an_address_that_is_no_option_is_a_reason_too() -> None:
    planned = replace(BEFORE, components=(replace(POSTGRES, address="127.0.0.1:5433"), SCHEDULER, WORKER))
    assert signs(compare(planned, BEFORE, RUNNING))["postgres"] == (
        "~", ("address 127.0.0.1:5432 → 127.0.0.1:5433",)
    )  # fmt: skip


def test_settings_and_environment_concern_everything_that_is_airflow() -> None:
    planned = replace(BEFORE, settings={"core.x": "2", "core.y": "1"}, environment={})
    why = ("airflow.cfg: core.x, core.y", "environment: TZ")
    found = signs(compare(planned, BEFORE, RUNNING))
    assert found == {"postgres": ("", ()), "scheduler": ("~", why), "light": ("~", why)}


def test_a_long_list_of_settings_is_cut() -> None:
    planned = replace(BEFORE, settings={f"core.{letter}": "1" for letter in "abcdef"})
    (sentence,) = signs(compare(planned, BEFORE, RUNNING))["scheduler"][1]
    assert sentence == "airflow.cfg: core.x, core.a, core.b, core.c and 3 more"


def test_without_its_secrets_a_plan_is_not_compared_where_they_matter() -> None:
    planned = replace(BEFORE, settings={}, components=(POSTGRES, replace(SCHEDULER, secrets="?"), WORKER))
    assert [change.sign for change in compare(planned, BEFORE, RUNNING, sure=False)] == ["", "", ""]


def test_without_a_description_only_names_are_compared() -> None:
    assert signs(compare(BEFORE, None, ("scheduler", "old"))) == {
        "postgres": ("+", ()),
        "scheduler": ("", ()),
        "light": ("+", ()),
        "old": ("-", ()),
    }


def test_a_description_is_read_back_as_it_was_written() -> None:
    assert Description.from_json(BEFORE.to_json()) == BEFORE


@pytest.mark.parametrize("text", ["", "[]", "{}", '"x"', '{"components": [{"nome": "x"}]}'])
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises((json.JSONDecodeError, KeyError, TypeError)):
        Description.from_json(text)
