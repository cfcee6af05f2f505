"""The JSON Schema of ``fleet.yaml``, made from the same tables the reader uses.

It is for overlays, too: ``null``, which removes a value of the file below, may stand anywhere, and no key is required.
Rules between values, and missing keys, are unknown to an editor: ``airfleet check fleet.yaml`` checks them.
"""

from __future__ import annotations

from typing import Final

from airfleet.fleet.config import keys, reference
from airfleet.fleet.config.keys import Key, Table
from airfleet.fleet.config.kinds import KINDS, VALUE
from airfleet.yaml import json_schema
from airfleet.yaml.fields import Schema

FILE_NAME: Final = "fleet.schema.json"

_PASSWORD_FORM: Final = r"^(\$\{\{.*\}\})?$"


def schema() -> Schema:
    """Write the schema of a fleet and of its overlays."""
    return {
        "$schema": json_schema.DIALECT,
        "title": "airfleet fleet",
        "description": "What runs where: fleet.yaml, or fleet.NAME.yaml, which is laid over it.",
        **_table(keys.FLEET),
        "type": ["object", "null"],
        "$defs": {
            "instances": _some(keys.INSTANCES),
            "sleepers": _some(keys.SLEEPERS),
            "api_server": _some(keys.API_SERVER),
            "workers": {"type": "array", "items": _table(keys.WORKER)},
            "hosts": {"type": "array", "minItems": 1, "items": {**_table(keys.HOST), "required": ["name"]}},
            "proxy": _table(keys.PROXY),
            "tls": _table(keys.TLS),
            "flower": {"anyOf": [{"type": "boolean"}, _table(keys.FLOWER)]},
            "policies": _table(keys.POLICIES),
            "push": _table(keys.PUSH),
            "releases": _table(keys.RELEASES),
            "deploy": _table(keys.DEPLOY),
            "connections": _by_name({"anyOf": [{"type": "string"}, _connection()]}),
            "variables": _by_name({"anyOf": [VALUE, _table(keys.VARIABLE)]}),
            "pools": _by_name({"anyOf": [_of(keys.POOL["slots"]), _table(keys.POOL)]}),
        },
    }


def _table(table: Table) -> Schema:
    return {
        "type": "object",
        "properties": {name: {"description": _says(key), **_or_null(_of(key))} for name, key in table.items()},
        "additionalProperties": False,
    }


def _says(key: Key) -> str:
    return f"{key.says}; must be there, here or in the file below" if key.required else key.says


def _or_null(one: Schema) -> Schema:
    """Allow ``null``, too."""
    if "enum" in one:
        return {**one, "enum": [*one["enum"], None]}
    if "type" in one:
        types = [one["type"]] if isinstance(one["type"], str) else one["type"]
        return {**one, "type": list(dict.fromkeys((*types, "null")))}
    return {"anyOf": [*one.get("anyOf", [one]), {"type": "null"}]}


def _of(key: Key) -> Schema:
    return json_schema.of_field(key, KINDS)


def _some(table: Table) -> Schema:
    number = {"type": "integer", "minimum": 0, "maximum": keys.MOST}
    return {"anyOf": [{"type": "boolean"}, number, _table(table)]}


def _by_name(one: Schema) -> Schema:
    return {"type": "object", "additionalProperties": _or_null(one)}


def _connection() -> Schema:
    made = _table(keys.CONNECTION)
    made["properties"]["password"]["pattern"] = _PASSWORD_FORM
    return made


def files() -> dict[str, str]:
    """Return the files that ``make docs`` writes into ``docs/reference``: name → text."""
    return {FILE_NAME: json_schema.text(schema()), reference.FILE_NAME: reference.page()}
