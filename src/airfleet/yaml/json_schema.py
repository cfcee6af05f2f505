"""JSON Schemas made from field tables, for editors."""

from __future__ import annotations

import json
from typing import Final

from airfleet.yaml.fields import Field, Kinds, Name, Schema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def of_field(field: Field[Name], kinds: Kinds[Name]) -> Schema:
    """Return the schema of the values that a field takes."""
    made = dict(kinds[field.kind].schema)
    if field.choices:
        one: Schema = {"enum": list(field.choices)}
        return {"anyOf": [one, {"type": "array", "items": one}]} if field.kind == "texts" else one
    if field.minimum is not None:
        made["minimum"] = field.minimum
    if field.maximum is not None:
        made["maximum"] = field.maximum
    return made


def text(schema: Schema) -> str:
    """Write a schema as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
