"""What a column of Airflow's database takes."""

from __future__ import annotations

import pytest

from airfleet.metadata import column_limits


@pytest.mark.parametrize(
    ("column", "value", "wrong"),
    [
        ("dag_tag.name", "é" * 100, None),
        ("dag_tag.name", "é" * 101, "is 101 characters long; the database takes 100"),
        ("dag.description", "x" * 100_000, None),
        ("dag.description", "a\0b", "holds a NUL character (\\0), which the database cannot keep"),
        ("dag.description", "a\udcffb", "holds a byte that is not UTF-8, which the database cannot keep"),
        ("dag.max_active_tasks", 2**31 - 1, None),
        ("dag.max_active_tasks", 2**31, "must be at most 2147483647, not 2147483648"),
        ("dag.max_active_tasks", -(2**31) - 1, "must be at least -2147483648, not -2147483649"),
    ],
)
def test_what_fits(column: str, value: str | int, wrong: str | None) -> None:
    assert column_limits.misfit(column, value) == wrong
