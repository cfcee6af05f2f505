"""Which migrations a database lacks, and which databases are refused, by their record."""

from __future__ import annotations

from airfleet.metadata.migrations.migration import Migration
from airfleet.metadata.migrations.record import Applied, pending, refusal

KNOWN = tuple(Migration(number, f"step_{number}", f"SELECT {number}") for number in (1, 2, 3))


def applied(*migrations: Migration) -> list[Applied]:
    return [Applied(one.number, one.name, one.digest, "0.4.0") for one in migrations]


def test_a_database_without_a_record_lacks_all() -> None:
    assert pending([], KNOWN) == KNOWN
    assert refusal([], KNOWN) == ""


def test_an_older_database_lacks_the_rest() -> None:
    assert pending(applied(*KNOWN[:1]), KNOWN) == KNOWN[1:]
    assert refusal(applied(*KNOWN[:1]), KNOWN) == ""


def test_the_newest_database_lacks_nothing() -> None:
    assert pending(applied(*KNOWN), KNOWN) == ()
    assert refusal(applied(*KNOWN), KNOWN) == ""


def test_a_newer_database_is_refused_with_its_airfleet_and_both_migrations() -> None:
    assert refusal(applied(*KNOWN), KNOWN[:2]) == (
        "the database is of a newer airfleet (0.4.0): it has migration 0003 (step 3), the newest here is 0002 (step 2)"
    )


def test_a_database_whose_migration_had_other_statements_is_refused() -> None:
    other = Migration(2, "step_2", "SELECT 'other'")
    assert refusal(applied(KNOWN[0], other), KNOWN) == (
        "the database is of another airfleet (0.4.0): its migration 0002 (step 2) is not the one here"
    )


def test_a_record_with_a_gap_is_refused() -> None:
    assert "migration 0002 (step 2) is not the one here" in refusal(applied(KNOWN[0], KNOWN[2]), KNOWN)
