"""Field tables: limits of values, and the schema and the page that are made from them."""

from __future__ import annotations

from typing import Literal

import pytest

from airfleet.yaml import json_schema
from airfleet.yaml.fields import Field, Kinds, Schema, ValueKind
from airfleet.yaml.reference import of_fields

Name = Literal["text", "texts", "integer"]
KINDS: Kinds[Name] = {
    "text": ValueKind({"type": "string"}, "text"),
    "texts": ValueKind({"type": "array"}, "list of text"),
    "integer": ValueKind({"type": "integer"}, "whole number"),
}


@pytest.mark.parametrize(
    ("field", "taken", "refused"),
    [
        (Field("integer", ""), [-1, 0, 10**9], []),
        (Field("integer", "", minimum=0), [0, 1, float("nan")], [-1]),
        (Field("integer", "", maximum=5), [-7, 5], [6]),
        (Field("integer", "", 1, 5), [1, 5], [0, 6]),
    ],
)
def test_a_number_is_taken_within_the_limits(field: Field[Name], taken: list[float], refused: list[float]) -> None:
    assert [number for number in [*taken, *refused] if field.takes(number)] == taken


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        (Field("text", ""), {"type": "string"}),
        (Field("integer", "", minimum=1), {"type": "integer", "minimum": 1}),
        (Field("integer", "", 0, 5), {"type": "integer", "minimum": 0, "maximum": 5}),
        (Field("text", "", choices=("a", "b")), {"enum": ["a", "b"]}),
        (
            Field("texts", "", choices=("a", "b")),
            {"anyOf": [{"enum": ["a", "b"]}, {"type": "array", "items": {"enum": ["a", "b"]}}]},
        ),
    ],
)
def test_a_schema_has_the_kind_the_limits_and_the_choices(field: Field[Name], schema: Schema) -> None:
    assert json_schema.of_field(field, KINDS) == schema
    assert KINDS["integer"].schema == {"type": "integer"}  # the kind itself is not changed


def test_a_page_has_a_row_for_each_key() -> None:
    fields: dict[str, Field[Name]] = {
        "name": Field("text", "the name", required=True),
        "slots": Field("integer", "how many", 1, 9),
        "retries": Field("integer", "how often", minimum=0),
        "mode": Field("text", "how", choices=("a", "b", "c")),
    }
    assert of_fields(fields, KINDS).splitlines()[2:] == [
        "| `name`* | text | the name |",
        "| `slots` | 1 to 9 | how many |",
        "| `retries` | whole number, 0 or more | how often |",
        "| `mode` | `a`, `b` or `c` | how |",
    ]
