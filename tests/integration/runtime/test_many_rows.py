"""What it costs to look for rows that cannot be loaded when there are many."""

from __future__ import annotations

import pytest

from support.beside_airflow import told_by
from support.many_rows import BAD

DAGS = """
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("many", schedule=None):
    EmptyOperator(task_id="a")
"""


@pytest.mark.long
def test_bad_rows_among_a_hundred_thousand_are_found_in_bounded_time_and_memory(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    found = told_by("support.many_rows", DAGS, tmp_path_factory.mktemp("many"))
    assert [found[search]["rows"] for search in ("first", "spoilt")] == [0, BAD]
    assert max(search["seconds"] for search in found.values()) < 10, found
    assert max(search["statements"] for search in found.values()) < 60, found
    assert max(search["megabytes"] for search in found.values()) < 200, found
