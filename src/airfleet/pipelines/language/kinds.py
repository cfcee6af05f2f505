"""Kinds of values that arguments of Dags and tasks take."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from airfleet.yaml.fields import Kinds, Schema, ValueKind

ArgumentKind: TypeAlias = Literal[
    "text",
    "texts",
    "integer",
    "number",
    "boolean",
    "date",
    "duration",
    "time",
    "mapping",
    "function",
    "callback",
    "hook",
    "functions",
    "class",
    "document",
    "params",
    "deadline",
    "retry_policy",
    "weight",
    "objects",
    "assets",
]

_TEXT: Final[Schema] = {"type": ["string", "number"]}
_FUNCTION: Final[Schema] = {"$ref": "#/$defs/function"}
_CALLBACK: Final[Schema] = {"$ref": "#/$defs/callback"}
_CALLBACKS: Final[Schema] = {"anyOf": [_CALLBACK, {"type": "array", "items": _CALLBACK}]}
_OBJECT: Final[Schema] = {"$ref": "#/$defs/object"}
_DEADLINE: Final[Schema] = {"anyOf": [{"$ref": "#/$defs/deadline"}, _OBJECT]}
_RETRY_RULES: Final[Schema] = {"type": "array", "items": {"$ref": "#/$defs/retry_rule"}}
_VALUES: Final[Schema] = {"type": "object", "additionalProperties": {"$ref": "#/$defs/value"}}
_NAMED: Final[Schema] = {"anyOf": [_FUNCTION, {"$ref": "#/$defs/object"}]}
_ASSET: Final[Schema] = {"$ref": "#/$defs/asset"}
_ASSETS: Final[Schema] = {"anyOf": [_ASSET, {"type": "array", "items": _ASSET}]}

KINDS: Final[Kinds[ArgumentKind]] = {
    "text": ValueKind(_TEXT, "text"),
    "texts": ValueKind({"anyOf": [{"type": "string"}, {"type": "array", "items": _TEXT}]}, "text or list of text"),
    "integer": ValueKind({"type": "integer"}, "whole number", "a whole number"),
    "number": ValueKind({"type": ["number", "boolean"]}, "number", "a number"),
    "boolean": ValueKind({"type": "boolean"}, "true or false", "true or false"),
    "date": ValueKind({"$ref": "#/$defs/date"}, "date"),
    "duration": ValueKind({"$ref": "#/$defs/duration"}, "duration", "a duration such as 90s, 5m or 1h30m"),
    "time": ValueKind({"type": "string"}, "time of the day", "a time of the day such as '06:30'"),
    "mapping": ValueKind({"type": "object"}, "mapping"),
    "function": ValueKind(_FUNCTION, "`module:function`"),
    "callback": ValueKind(_CALLBACKS, "[callback](#callbacks), or a list"),
    "hook": ValueKind(_CALLBACK, "[callback](#callbacks)"),
    "functions": ValueKind({"type": "object", "additionalProperties": _NAMED}, "`module:function` for each name"),
    "class": ValueKind({"type": "string", "pattern": r"[.:]"}, "import path of a class"),
    "document": ValueKind({"anyOf": [_TEXT, {"$ref": "#/$defs/file"}]}, "text, or `{$f: path}`"),
    "params": ValueKind({"type": "object"}, "[params](#params)"),
    "deadline": ValueKind(
        {"anyOf": [_DEADLINE, {"type": "array", "items": _DEADLINE}]}, "[deadline](#deadlines), or a list"
    ),
    "retry_policy": ValueKind(
        {"anyOf": [{"$ref": "#/$defs/retry_policy"}, _RETRY_RULES, _OBJECT]}, "[rules](#retry-policies), or an object"
    ),
    "weight": ValueKind(
        {"anyOf": [{"enum": ["downstream", "upstream", "absolute"]}, _OBJECT]},
        "`downstream`, `upstream`, `absolute`, or an object",
    ),
    "objects": ValueKind(_VALUES, "mapping"),
    "assets": ValueKind(_ASSETS, "[asset](#assets), or a list"),
}
