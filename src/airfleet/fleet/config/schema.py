"""The JSON Schema of ``fleet.yaml``, made from the same tables the reader uses.

It is for overlays, too: ``null``, which takes away what the file below says, may stand anywhere, and what must be there
somewhere need not be there. What rules between values say, and what is missing in the end, an editor does not know:
``airfleet check fleet.yaml`` does.
"""

from __future__ import annotations

import json
from typing import Any, Final

from airfleet.fleet.config import keys, reference
from airfleet.fleet.config.keys import Key, Kind, Table

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FILE_NAME: Final = "fleet.schema.json"

Schema = dict[str, Any]

_NAME_FORM: Final = r"^([A-Za-z0-9][A-Za-z0-9._-]*|.*\$\{\{.*\}\}.*)$"
_SIZE_FORM: Final = r"^\s*\d+(\.\d+)?\s*[KMGTkmgt]i?[Bb]?\s*$"
_DURATION_FORM: Final = r"^\s*(\d+(\.\d+)?\s*[wdhms]\s*)+$"
_QUEUE_FORM: Final = r"^([^\s,]+|.*\$\{\{.*\}\}.*)$"
_PASSWORD_FORM: Final = r"^(\$\{\{.*\}\})?$"


def schema() -> Schema:
    """The schema of a fleet and of its overlays."""
    return {
        "$schema": DIALECT,
        "title": "airfleet fleet",
        "description": "What runs where: fleet.yaml, or fleet.NAME.yaml, which is laid over it.",
        **_table(keys.FLEET),
        "type": ["object", "null"],
        "$defs": {
            "instances": _some(keys.INSTANCES),
            "api_server": _some(keys.API_SERVER),
            "workers": {"type": "array", "items": _table(keys.WORKER)},
            "hosts": {"type": "array", "minItems": 1, "items": {**_table(keys.HOST), "required": ["name"]}},
            "proxy": _table(keys.PROXY),
            "tls": _table(keys.TLS),
            "flower": {"anyOf": [{"type": "boolean"}, _table(keys.FLOWER)]},
            "policies": _table(keys.POLICIES),
            "connections": _by_name({"anyOf": [{"type": "string"}, _connection()]}),
            "variables": _by_name({"anyOf": [_VALUE, _table(keys.VARIABLE)]}),
            "pools": _by_name({"anyOf": [_of(keys.POOL["slots"]), _table(keys.POOL)]}),
        },
    }


_VALUE: Final[Schema] = {"type": ["string", "number", "boolean", "null"]}

_KINDS: Final[dict[Kind, Schema]] = {
    "text": {"type": ["string", "number"]},
    "name": {"type": ["string", "number"], "pattern": _NAME_FORM},
    "boolean": {"type": "boolean"},
    "duration": {"type": "string", "pattern": _DURATION_FORM},
    "size": {"type": "string", "pattern": _SIZE_FORM},
    "names": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": ["string", "number"]}}]},
    "texts": {"type": "array", "minItems": 1, "items": {"type": ["string", "number"], "pattern": _QUEUE_FORM}},
    "strings": {"type": ["object", "null"], "additionalProperties": _VALUE},
    "sections": {
        "type": "object",
        "additionalProperties": {"type": ["object", "null"], "additionalProperties": _VALUE},
    },
    "mapping": {"type": "object"},
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
    """The same, or ``null``."""
    if "enum" in one:
        return {**one, "enum": [*one["enum"], None]}
    if "type" in one:
        types = [one["type"]] if isinstance(one["type"], str) else one["type"]
        return {**one, "type": list(dict.fromkeys((*types, "null")))}
    return {"anyOf": [*one.get("anyOf", [one]), {"type": "null"}]}


def _of(key: Key) -> Schema:
    if key.kind == "integer":
        return {"type": "integer", "minimum": key.low, "maximum": key.high}
    if key.kind == "choice":
        return {"enum": list(key.choices)}
    return dict(_KINDS.get(key.kind) or {"$ref": f"#/$defs/{key.kind}"})


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
    """The generated files: name -> text."""
    return {
        FILE_NAME: json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
        reference.FILE_NAME: reference.page(),
    }
