"""JSON Schemas made from field tables, for editors."""

from __future__ import annotations

import json
from typing import Final

from airfleet.yaml.fields import Field, Kinds, Name, Schema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
#: characters of a line of a schema's file
_WIDTH: Final = 120


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
    """Write a schema as the text of its file: a list or mapping that fits stands on one line."""
    return _written(schema, "", 0) + "\n"


def _written(value: object, indent: str, before: int) -> str:
    """Write a value; ``before`` are the characters that stand in front of it and behind it on its first line."""
    short = json.dumps(value, ensure_ascii=False)
    if len(indent) + before + len(short) <= _WIDTH or not isinstance(value, (dict, list)) or not value:
        return short
    inner = indent + "  "
    if isinstance(value, list):
        parts = [_written(item, inner, 1) for item in value]
    else:
        keys = {key: f"{json.dumps(key, ensure_ascii=False)}: " for key in value}
        parts = [keys[key] + _written(item, inner, len(keys[key]) + 1) for key, item in value.items()]
    opening, closing = "[]" if isinstance(value, list) else "{}"
    lines = ",\n".join(inner + part for part in parts)
    return f"{opening}\n{lines}\n{indent}{closing}"
