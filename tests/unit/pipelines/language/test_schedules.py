"""What a schedule says in a few words, and what is in it."""

from __future__ import annotations

import pytest

from airfleet.pipelines.language.schedules import expressions, shown
from airfleet.pipelines.reading.reader import read


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("null", None),
        ("'@daily'", "@daily"),
        ("CRON_TZ=UTC 0 6 * * *", "0 6 * * * (UTC)"),
        ("[0 6 * * *, 0 7 * * *]", "0 6 * * *, 0 7 * * *"),
        ("{every: 90m}", "every 90m"),
        ("{every: P1Y2M}", "every P1Y2M"),
        ("{every: P1MT6H}", "every P1M and 6h"),
        ("{events: 2026-12-24}", "1 event"),
        ("{events: [2026-12-24, 2026-12-31]}", "2 events"),
        ("{uses: a.B}", "a.B"),
        ("{assets: [s3://b/c, {any: [a, {ref: x}]}]}", "s3://b/c and (a or x)"),
        ("{any: [{alias: a}, {all: [b]}], or: '@daily'}", "a or b or @daily"),
    ],
)
def test_a_schedule_in_a_few_words(written: str, text: str | None) -> None:
    found = read(f"dag_id: d\nschedule: {written}\ntasks: [{{id: a}}]\n", "p.yaml", variables={}, environ={})
    assert shown(found.pipelines[0].schedule) == text


def test_cron_expressions_are_found_wherever_they_stand() -> None:
    text = "dag_id: d\nschedule: {assets: a, or: {cron: [0 6 * * *, '@daily'], timezone: UTC}}\ntasks: [{id: a}]\n"
    schedule = read(text, "p.yaml", variables={}, environ={}).pipelines[0].schedule
    assert [(one.text, one.path, one.timezone) for one in expressions(schedule)] == [
        ("0 6 * * *", "schedule.or.cron[0]", "UTC"),
        ("@daily", "schedule.or.cron[1]", "UTC"),
    ]
