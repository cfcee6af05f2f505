"""The revisions that the installed Airflow knows, read from its files."""

from __future__ import annotations

import pytest

from airfleet.agent.database.airflow_revisions import Revision, Revisions, in_order, installed, versions_of

OF_2, OF_30, OF_31, OF_33 = (
    Revision("22ed7efa9da2", "", "2.10.0"),
    Revision("29ce7909c52b", "22ed7efa9da2", "3.0.0"),
    Revision("cc92b33c6709", "29ce7909c52b", "3.1.0"),
    Revision("d2f4e1b3c5a7", "cc92b33c6709", "3.3.0"),
)
KNOWN = Revisions(in_order([OF_33, OF_2, OF_31, OF_30]))


def test_they_stand_in_the_order_in_which_they_are_made() -> None:
    assert KNOWN.known == (OF_2, OF_30, OF_31, OF_33)
    assert KNOWN.head == OF_33.name


def test_what_a_database_lacks() -> None:
    assert KNOWN.after(OF_33.name) == ()
    assert KNOWN.after(OF_30.name) == (OF_31, OF_33)
    assert KNOWN.after("ffffffffffff") is None
    assert versions_of(KNOWN.known[1:]) == "3.0.0, 3.1.0, 3.3.0"


@pytest.mark.parametrize(("revision", "old"), [(OF_2, True), (OF_30, False), (OF_33, False)])
def test_airflow_2_is_told_from_airflow_3(revision: Revision, old: bool) -> None:
    assert KNOWN.is_of_airflow_2(revision.name) is old


def test_those_of_the_installed_airflow() -> None:
    """How they compare with what Alembic reads is a contract test."""
    known = installed()
    assert known.airflow_of("29ce7909c52b") == "3.0.0"
    assert len(known.known) > 100
