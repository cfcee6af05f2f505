"""Migrations as files: numbered without gaps, and never changed once they were released."""

from __future__ import annotations

import pytest

from airfleet.metadata.migrations.migration import Migration, in_order, shipped

#: A database records these. A line is added with each migration; a line that changes would have every database refused
#: that has the migration already.
DIGESTS: dict[str, str] = {
    "0001_tables_without_numbers": "f11104a855ff676b3a4d8e4c",
    "0002_host_facts_and_schema_version": "017e197682c2c67e52bad4e3",
    "0003_schema_version_of_migrations": "59c3562f92c52afecd608a76",
    "0004_states_of_hosts": "ef06ffb3ac102bbb28756dea",
    "0005_releases": "4095dcd80dea05ddc68257ee",
    "0006_signatures_and_approvals": "7c5c4769ae241249123f8b3a",
}


def test_a_migration_that_was_released_never_changes() -> None:
    assert {f"{one.number:04}_{one.name}": one.digest for one in shipped()} == DIGESTS


def test_a_digest_is_of_the_statements_alone() -> None:
    one = Migration(1, "hosts", "CREATE TABLE a (b int);\n")
    assert Migration(1, "hosts", "-- why\nCREATE TABLE a\n  (b int);").digest == one.digest
    assert Migration(1, "hosts", "CREATE TABLE a (b text);\n").digest != one.digest


def test_migrations_are_applied_by_their_numbers() -> None:
    first, second = Migration(1, "z", ""), Migration(2, "a", "")
    assert in_order([second, first]) == (first, second)


@pytest.mark.parametrize("numbers", [(1, 3), (2,), (1, 1)])
def test_numbers_have_no_gaps_and_are_not_given_twice(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="not numbered one after the other"):
        in_order(Migration(number, "a", "") for number in numbers)
