"""Tasks outside of their dates take no part in a run."""

from __future__ import annotations

import datetime as dt

import pytest

from airfleet.errors import FleetError
from airfleet.pipelines.local.runner import absences
from airfleet.pipelines.reading import reader

TASKS = """
tasks:
  - {id: always}
  - {id: later, start_date: 2026-06-01}
  - {id: ended, end_date: 2026-02-01}
"""


def absent(text: str, moment: str, zone: str = "UTC") -> list[tuple[str, str]]:
    (pipeline,) = reader.read(text, "p.yaml").pipelines
    found = absences(pipeline, dt.datetime.fromisoformat(moment), {"AIRFLOW__CORE__DEFAULT_TIMEZONE": zone})
    return [(absence.task, absence.why) for absence in found]


@pytest.mark.parametrize(
    ("moment", "tasks"),
    [
        ("2026-01-31T00:00Z", [("later", "its start_date is 2026-06-01")]),
        ("2026-02-01T00:00Z", [("later", "its start_date is 2026-06-01")]),
        (
            "2026-02-01T00:01Z",
            [("later", "its start_date is 2026-06-01"), ("ended", "its end_date is 2026-02-01")],
        ),
        ("2026-06-01T00:00Z", [("ended", "its end_date is 2026-02-01")]),
    ],
)
def test_some_tasks_take_no_part(moment: str, tasks: list[tuple[str, str]]) -> None:
    assert absent(f"dag_id: d{TASKS}", moment) == tasks


def test_the_dates_of_the_dag_hold_for_its_tasks_and_defaults_too() -> None:
    tasks = "tasks: [{id: a, start_date: 2025-01-01}, {id: b}]\n"
    for head in ("start_date: 2026-01-01\n", "end_date: 2024-01-01\n"):
        with pytest.raises(FleetError):
            absent(f"dag_id: d\n{head}{tasks}", "2025-06-01T00:00Z")
    assert absent(f"dag_id: d\ndefaults: {{start_date: 2026-01-01}}\n{tasks}", "2025-06-01T00:00Z") == [
        ("b", "its start_date is 2026-01-01")
    ]


def test_a_date_without_a_zone_is_in_the_default_one() -> None:
    text = "dag_id: d\nstart_date: 2026-01-01\ntasks: [{id: a}]\n"
    assert absent(text, "2025-12-31T23:00Z", "Europe/Berlin") == []
    with pytest.raises(FleetError) as refused:
        absent(text, "2026-01-01T04:59Z", "America/New_York")
    assert str(refused.value) == (
        "no task of 'd' takes part in a run of 2026-01-01T04:59+00:00: the start_date is 2026-01-01\n"
        "hint: --date 2026-01-01T00:00:00-05:00 runs it as of that day"
    )
