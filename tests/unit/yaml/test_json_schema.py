"""The text of a schema's file: the same values, on as few lines as a person can read."""

from __future__ import annotations

import json

from airfleet.yaml.json_schema import text

LONG = "x" * 100


def test_what_fits_stands_on_one_line() -> None:
    assert text({"type": "object", "enum": [1, "a", None, True], "properties": {}}) == (
        '{"type": "object", "enum": [1, "a", null, true], "properties": {}}\n'
    )


def test_what_does_not_fit_has_a_line_for_each_part() -> None:
    assert text({"a": [{"b": LONG}, {"c": "é"}], "d": {}}).splitlines() == [
        "{",
        '  "a": [',
        f'    {{"b": "{LONG}"}},',
        '    {"c": "é"}',
        "  ],",
        '  "d": {}',
        "}",
    ]


def test_a_line_is_longer_than_a_page_only_for_one_value() -> None:
    schema = {
        "properties": {f"key {number}": {"description": "é" * number, "enum": ["x" * 20] * 9} for number in range(80)}
    }
    written = text(schema)
    assert json.loads(written) == schema
    assert max(map(len, written.splitlines())) <= 120
