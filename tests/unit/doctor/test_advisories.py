"""The list of known vulnerabilities, and versions beside it."""

from __future__ import annotations

import re

import pytest

from airfleet.doctor import advisories
from airfleet.doctor.advisories import Advisory

ONE = Advisory("CVE-1", "valkey", "a fault", (("8.0.0", "8.0.9"), ("9.0.0", "9.0.4")), "https://example.com")


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ("8.0.0", "8.0.9"),
        ("8.0.10", ""),
        ("8.1.0", ""),
        ("9.0.3", "9.0.4"),
        ("9.0.4", ""),
        ("7.9", ""),
        ("9.0.3rc1", "9.0.4"),
    ],
)
def test_a_version_is_judged_by_the_range_of_its_branch(version: str, fixed: str) -> None:
    assert ONE.fixed_for(version) == fixed


def test_a_product_that_is_not_installed_is_not_concerned() -> None:
    assert list(advisories.matching([ONE], {"redis": "8.0.0", "valkey": ""})) == []
    assert list(advisories.matching([ONE], {"valkey": "8.0.1"})) == [(ONE, "8.0.1")]


def test_every_entry_of_the_list_has_an_id_ranges_and_a_source() -> None:
    known = advisories.load()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", known.date)
    for one in known.advisories:
        assert re.fullmatch(r"CVE-\d{4}-\d{4,}", one.id)
        assert one.source.startswith("https://")
        assert one.title
        for first, fixed in one.ranges:
            assert one.fixed_for(first) == fixed
            assert one.fixed_for(fixed) == ""


def test_no_entry_stands_twice() -> None:
    pairs = [(one.id, one.product) for one in advisories.load().advisories]
    assert len(pairs) == len(set(pairs))
