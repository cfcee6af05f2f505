"""Checks that a value fits into a column of Airflow's database; PostgreSQL aborts a transaction for one that does not.

>>> misfit("dag_tag.name", "x" * 101)
'is 101 characters long; the database takes 100'
>>> misfit("dag.max_active_tasks", 2**31)
'must be at most 2147483647, not 2147483648'
"""

from __future__ import annotations

from typing import Final

from airfleet.metadata.column_sizes import INTEGERS, TEXTS

LEAST_INTEGER: Final = -(2**31)
MOST_INTEGER: Final = 2**31 - 1


def misfit(column: str, value: str | int) -> str | None:
    """Return why ``value`` does not fit, as the end of a sentence that begins with the key; None when it fits."""
    return _integer_misfit(column, value) if isinstance(value, int) else _text_misfit(column, value)


def _integer_misfit(column: str, value: int) -> str | None:
    assert column in INTEGERS, column
    if value > MOST_INTEGER:
        return f"must be at most {MOST_INTEGER}, not {value}"
    if value < LEAST_INTEGER:
        return f"must be at least {LEAST_INTEGER}, not {value}"
    return None


def unstorable(text: str) -> str | None:
    """Return why no column takes a text, however wide, as the end of a sentence; None when columns take it."""
    if "\0" in text:
        return "holds a NUL character (\\0), which the database cannot keep"
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        return "holds a byte that is not UTF-8, which the database cannot keep"
    return None


def _text_misfit(column: str, text: str) -> str | None:
    most = TEXTS[column]
    if wrong := unstorable(text):
        return wrong
    if most is not None and len(text) > most:
        return f"is {len(text)} characters long; the database takes {most}"
    return None
