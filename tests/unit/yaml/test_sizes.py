"""Sizes of memory as people write them."""

from __future__ import annotations

import pytest

from airfleet.yaml.sizes import parse_size, size_text


@pytest.mark.parametrize(
    ("text", "count"),
    [("512MB", 2**29), ("1.5 GiB", 3 * 2**29), ("2g", 2**31), (" 1KB ", 1024), ("1TB", 2**40)],
)
def test_a_size_is_a_number_with_a_unit(text: str, count: int) -> None:
    assert parse_size(text) == count


@pytest.mark.parametrize("text", ["4", "lots", "", "-1MB", "1PB", "9" * 400 + "GB"])
def test_other_texts_are_no_sizes(text: str) -> None:
    assert parse_size(text) is None


@pytest.mark.parametrize(
    ("count", "text"), [(2**29, "512MB"), (3 * 2**29, "1536MB"), (2**31, "2GB"), (1536, "2KB"), (0, "0KB")]
)
def test_a_size_is_shown_in_the_largest_unit_without_a_rest(count: int, text: str) -> None:
    assert size_text(count) == text
