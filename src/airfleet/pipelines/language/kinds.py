"""Kinds of values that arguments of Dags and tasks take."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from airfleet.yaml.fields import Kinds, Schema, ValueKind

ArgumentKind: TypeAlias = Literal[
    "text", "texts", "integer", "number", "boolean", "date", "duration", "mapping", "function"
]

_TEXT: Final[Schema] = {"type": ["string", "number"]}
_FUNCTION: Final[Schema] = {"$ref": "#/$defs/function"}
_FUNCTIONS: Final[Schema] = {"anyOf": [_FUNCTION, {"type": "array", "items": _FUNCTION}]}

KINDS: Final[Kinds[ArgumentKind]] = {
    "text": ValueKind(_TEXT, "text"),
    "texts": ValueKind({"anyOf": [{"type": "string"}, {"type": "array", "items": _TEXT}]}, "text or list of text"),
    "integer": ValueKind({"type": "integer"}, "whole number", "a whole number"),
    "number": ValueKind({"type": ["number", "boolean"]}, "number", "a number"),
    "boolean": ValueKind({"type": "boolean"}, "true or false", "true or false"),
    "date": ValueKind({"$ref": "#/$defs/date"}, "date"),
    "duration": ValueKind({"$ref": "#/$defs/duration"}, "duration", "a duration such as 90s, 5m or 1h30m"),
    "mapping": ValueKind({"type": "object"}, "mapping"),
    "function": ValueKind(_FUNCTIONS, "`module:function`, or a list"),
}
