"""Kinds of values in ``fleet.yaml``."""

from __future__ import annotations

from typing import Final, Literal

from airfleet.yaml.fields import Kinds, Schema, ValueKind

KeyKind = Literal[
    "text", "name", "integer", "boolean", "duration", "size", "names", "texts", "strings", "mapping", "sections",
    "choice", "instances", "sleepers", "api_server", "workers", "hosts", "proxy", "tls", "flower", "policies", "push",
    "releases", "deploy", "connections", "variables", "pools",
]  # fmt: skip

_NAME_FORM: Final = r"^([A-Za-z0-9][A-Za-z0-9._-]*|.*\$\{\{.*\}\}.*)$"
_SIZE_FORM: Final = r"^\s*\d+(\.\d+)?\s*[KMGTkmgt]i?[Bb]?\s*$"
_DURATION_FORM: Final = r"^\s*(\d+(\.\d+)?\s*[wdhms]\s*)+$"
_QUEUE_FORM: Final = r"^([^\s,]+|.*\$\{\{.*\}\}.*)$"

#: one value of any kind, where a text is meant
VALUE: Final[Schema] = {"type": ["string", "number", "boolean", "null"]}
_TEXT: Final[Schema] = {"type": ["string", "number"]}
_TEXT_OR_LIST: Final[Schema] = {"anyOf": [{"type": "string"}, {"type": "array", "items": _TEXT}]}
_QUEUES: Final[Schema] = {"type": "array", "minItems": 1, "items": {**_TEXT, "pattern": _QUEUE_FORM}}
_STRINGS: Final[Schema] = {"type": ["object", "null"], "additionalProperties": VALUE}


def _below(name: str) -> ValueKind:
    """Return a kind that has a definition in the schema and a section on the page."""
    return ValueKind({"$ref": f"#/$defs/{name}"}, f"[see below](#{name.replace('_', '-')})")


KINDS: Final[Kinds[KeyKind]] = {
    "text": ValueKind(_TEXT, "text"),
    "name": ValueKind({**_TEXT, "pattern": _NAME_FORM}, "letters, digits, `.` `_` `-`"),
    "integer": ValueKind({"type": "integer"}, "whole number", "a whole number"),
    "boolean": ValueKind({"type": "boolean"}, "true or false", "true or false"),
    "duration": ValueKind({"type": "string", "pattern": _DURATION_FORM}, "duration", "a duration, as in 12h or 30d"),
    "size": ValueKind({"type": "string", "pattern": _SIZE_FORM}, "size", "a size, as in 512MB or 4GB"),
    "names": ValueKind(_TEXT_OR_LIST, "text or list of text"),
    "texts": ValueKind(_QUEUES, "list of text"),
    "strings": ValueKind(_STRINGS, "mapping of texts"),
    "mapping": ValueKind({"type": "object"}, "mapping"),
    "sections": ValueKind({"type": "object", "additionalProperties": _STRINGS}, "mapping of mappings"),
    "choice": ValueKind(_TEXT, "text"),
    "instances": ValueKind({"$ref": "#/$defs/instances"}, "true, false, number, mapping"),
    "sleepers": ValueKind({"$ref": "#/$defs/sleepers"}, "true, false, number, mapping"),
    "api_server": _below("api_server"),
    "workers": _below("workers"),
    "hosts": _below("hosts"),
    "proxy": _below("proxy"),
    "tls": _below("tls"),
    "flower": _below("flower"),
    "policies": _below("policies"),
    "push": _below("push"),
    "releases": _below("releases"),
    "deploy": _below("deploy"),
    "connections": _below("connections"),
    "variables": _below("variables"),
    "pools": _below("pools"),
}
