"""The JSON Schema of schedules and assets."""

from __future__ import annotations

from airfleet.pipelines.language.cron import PRESETS
from airfleet.yaml.fields import Schema


def definitions() -> dict[str, Schema]:
    """Return the definitions that schedules, ``inlets`` and ``outlets`` refer to."""
    return {
        "schedule": {"anyOf": [{"$ref": "#/$defs/times"}, {"type": "null"}, *_asset_schedules()]},
        "times": _times(),
        "timetable": _timetable(),
        "cron": _CRON,
        "crons": {"anyOf": [_cron(), {"type": "array", "minItems": 1, "items": _cron()}]},
        "length": _LENGTH,
        "asset": _asset(),
        "condition": _condition(),
    }


_CRON: Schema = {
    "description": "Five fields, with `CRON_TZ=Zone` before them for a time zone of its own; or a preset.",
    "anyOf": [
        {"enum": list(PRESETS)},
        {"type": "string", "pattern": r"^\s*(CRON_TZ=\S+\s+)?((\S+\s+){4}\S+|@[a-z]+)\s*$"},
        {"$ref": "#/$defs/expression"},
    ],
}
_LENGTH: Schema = {
    "anyOf": [
        {"$ref": "#/$defs/duration"},
        {"type": "string", "pattern": r"^P(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?$"},
        {"$ref": "#/$defs/expression"},
    ]
}
_TEXT: Schema = {"type": ["string", "number"]}


def _cron() -> Schema:
    return {"$ref": "#/$defs/cron"}


def _object(required: str, keys: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": keys, "required": [required], "additionalProperties": False}


def _times() -> Schema:
    yes_or: Schema = {"anyOf": [{"type": ["boolean", "null"]}, {"$ref": "#/$defs/length"}]}
    partition = _object("offset", {"offset": {"type": "integer"}, "key_format": {"type": "string"}})
    del partition["required"]
    by_cron: dict[str, Schema] = {
        "cron": {"$ref": "#/$defs/crons"},
        "timezone": {"type": ["string", "null"]},
        "interval": yes_or,
        "run_immediately": yes_or,
        "partition": {"anyOf": [{"type": ["boolean", "null"]}, partition]},
    }
    date: Schema = {"$ref": "#/$defs/date"}
    by_events: dict[str, Schema] = {
        "events": {"anyOf": [date, {"type": "array", "minItems": 1, "items": date}]},
        "restrict_to_events": {"type": ["boolean", "null"]},
        "description": {"type": ["string", "null"]},
    }
    return {
        "anyOf": [
            {"$ref": "#/$defs/crons"},
            _object("cron", by_cron),
            _object("every", {"every": {"$ref": "#/$defs/length"}}),
            _object("events", by_events),
            {"$ref": "#/$defs/timetable"},
        ]
    }


def _timetable() -> Schema:
    keys: dict[str, Schema] = {
        "uses": {"type": "string"},
        "with": {"type": ["object", "null"]},
        "args": {"type": ["array", "null"]},
    }
    return _object("uses", keys)


def _asset_schedules() -> list[Schema]:
    times: Schema = {"anyOf": [{"$ref": "#/$defs/times"}, {"type": "null"}]}
    several: Schema = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/condition"}}
    beside: dict[str, Schema] = {"or": times, "partition": {"type": ["boolean", "object", "null"]}}
    return [
        _object("assets", {"assets": {"anyOf": [{"$ref": "#/$defs/condition"}, several]}, **beside}),
        _object("all", {"all": several, **beside}),
        _object("any", {"any": several, **beside}),
    ]


def _condition() -> Schema:
    several: Schema = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/condition"}}
    return {"anyOf": [{"$ref": "#/$defs/asset"}, _object("all", {"all": several}), _object("any", {"any": several})]}


def _asset() -> Schema:
    optional: Schema = {"type": ["string", "number", "null"]}
    watcher = _object("trigger", {"name": _TEXT, "trigger": {"type": "object"}})
    described: dict[str, Schema] = {
        "name": optional,
        "uri": optional,
        "group": optional,
        "extra": {"type": ["object", "null"]},
        "watchers": {"type": ["array", "null"], "items": {**watcher, "required": ["name", "trigger"]}},
    }
    return {
        "description": "Its address, its name, or a mapping that describes it.",
        "anyOf": [
            _TEXT,
            _object("name", described),
            _object("uri", described),
            _object("alias", {"alias": _TEXT, "group": optional}),
            _object("ref", {"ref": _TEXT}),
        ],
    }
