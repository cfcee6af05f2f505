"""Plain values as PyYAML reads them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airfleet.yaml.yaml_11 import scalar_value_11

WORDS = [
    "yes",
    "No",
    "on",
    "~",
    "null",
    "",
    "0644",
    "0o7",
    "0b11",
    "1_0",
    "12:30",
    "1e3",
    "1.5e+3",
    ".5",
    ".nan",
    "=",
    "<<",
]
DATES = ["2026-01-01", "2026-13-01", "2026-1-1 1:02:03", "2026-01-01T06:00:00Z", "9999999999999-01-01"]


@pytest.mark.parametrize("text", [*WORDS, *DATES, "plain text", "0x", "-"])
def test_values(text: str) -> None:
    assert repr(scalar_value_11(text)) == repr(_by_pyyaml(text))


@given(st.from_regex(r"[-+0-9_.:eExobTZ]{1,12}", fullmatch=True))
def test_numbers(text: str) -> None:
    scalar_value_11(text)


def _by_pyyaml(text: str) -> object:
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text
    return found if not isinstance(found, (list, dict)) else text
