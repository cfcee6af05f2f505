"""The JSON Schema of a pipeline file, made from the same tables the reader uses."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.analysis import short_names
from airfleet.pipelines.language.arguments import (
    DAG_ARGUMENTS,
    DOCUMENT_KEYS,
    GROUP_ARGUMENTS,
    GROUP_KEYS,
    REPEAT_KEYS,
    TASK_ARGUMENTS,
    TASK_KEYS,
    Argument,
)
from airfleet.pipelines.language.kinds import KINDS, ArgumentKind
from airfleet.pipelines.language.options.deadlines import AVERAGE, REFERENCES
from airfleet.pipelines.language.options.retry_policies import ACTIONS
from airfleet.pipelines.language.shared_keys import OWN_KEYS
from airfleet.pipelines.reading import reference
from airfleet.pipelines.reading.schedules import schema as schedules
from airfleet.pipelines.reading.uses import function_docs
from airfleet.yaml import json_schema
from airfleet.yaml.fields import Schema, Table

FILE_NAME: Final = "pipeline.schema.json"


def schema() -> Schema:
    """Write the schema of one document of a pipeline file."""
    return {
        "$schema": json_schema.DIALECT,
        "title": "airfleet pipeline",
        "description": "One document makes one Airflow Dag, or one Dag for each of its jobs.",
        "type": "object",
        **_REQUIRED,
        "properties": {**_document_keys(), **_arguments(DAG_ARGUMENTS)},
        "additionalProperties": False,
        "$defs": {
            "expression": _EXPRESSION,
            "duration": _DURATION,
            "date": _DATE,
            "function": {"type": "string", "pattern": r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"},
            "callback": {"anyOf": [_ref("function"), _ref("called"), _ref("object")]},
            "called": _CALLED,
            "file": _FILE,
            "deadline": _deadline(),
            "retry_rule": _retry_rule(),
            "retry_policy": _retry_policy(),
            "names": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            "uses": _uses(),
            **schedules.definitions(),
            "value": _VALUE,
            "marker": _MARKER,
            "object": _OBJECT,
            "job": {"type": "object"},
            "task_arguments": {
                "type": ["object", "null"],
                "properties": _arguments(TASK_ARGUMENTS),
                "additionalProperties": False,
            },
            "entries": {"type": "array", "minItems": 1, "items": {"anyOf": [_ref("task"), _ref("group")]}},
            "task": {**_task(_REPEATED), "anyOf": [{"required": ["id"]}, {"required": ["extends"]}]},
            "group": {**_group(), "required": ["group"], "anyOf": [{"required": ["tasks"]}, {"required": ["extends"]}]},
            "named_group": _alike("group", _group()),
            "template": _alike("task", _task({})),
        },
    }


#: a document that makes no Dag shares its parts
_REQUIRED: Final[Schema] = {
    "if": {"anyOf": [{"required": [name]} for name in ("dag_id", "jobs", "tasks")]},
    "then": {"required": ["dag_id", "tasks"]},
    "else": {"not": {"anyOf": [{"required": [name]} for name in OWN_KEYS]}, "minProperties": 1},
}
_EXPRESSION: Final[Schema] = {
    "type": "string",
    "pattern": r"^\s*\$\{\{[\s\S]*\}\}\s*$",
    "description": "`${{ job.x }}`, `${{ env.X }}` or `${{ vars.x }}`, resolved when the file is read.",
}
_DURATION: Final[Schema] = {
    "description": "`90s`, `5m`, `1h30m`, `1d`, `PT5M`, or a number of seconds.",
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\s*(\d+(\.\d+)?\s*(w|d|h|ms|m|s)?\s*)+$"},
        {"type": "string", "pattern": r"^P(\d+(\.\d+)?[WD])*(T(\d+(\.\d+)?[HMS])+)?$"},
    ],
}
_DATE: Final[Schema] = {
    "description": "`2026-01-31`, or `2026-01-31T06:00:00+01:00`.",
    "type": "string",
    "pattern": r"^\d{4}-?\d{2}-?\d{2}([Tt ].+)?$",
}


def _single(keys: tuple[str, ...], value: Schema, description: str) -> Schema:
    """Write a mapping of one key; the words stand at the key, so that an editor shows those of the argument around."""
    return {
        "type": "object",
        "properties": {key: {**value, "description": description} for key in keys},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }


_FILE: Final[Schema] = _single(("$f", "$file"), {"type": "string"}, "The text of a file of the project.")
_OUTPUT: Final[Schema] = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"task": {"type": "string"}, "key": {"type": ["string", "null"]}},
            "required": ["task"],
            "additionalProperties": False,
        },
    ]
}


def _deadline() -> Schema:
    interval: Schema = {"type": "object", "properties": {"variable": {"type": "string"}}, "required": ["variable"]}
    average: Schema = {"type": "object", "properties": {"average_runtime": {"type": "object"}}}
    names: Schema = {"enum": [*REFERENCES, AVERAGE]}
    date: Schema = {"$ref": "#/$defs/date"}
    made: Schema = {"$ref": "#/$defs/object"}
    return {
        "type": "object",
        "properties": {
            "reference": {"anyOf": [names, date, average, made]},
            "interval": {"anyOf": [{"$ref": "#/$defs/duration"}, interval, made]},
            "callback": {"$ref": "#/$defs/callback"},
            "name": {"type": "string", "maxLength": 250},
        },
        "required": ["reference", "interval", "callback"],
        "additionalProperties": False,
    }


def _retry_rule() -> Schema:
    own: Schema = {
        "type": "object",
        "properties": {
            "exception": {"$ref": "#/$defs/names"},
            "action": {"enum": list(ACTIONS)},
            "retry_delay": {"$ref": "#/$defs/duration"},
            "reason": {"type": "string"},
            "match_subclasses": {"type": "boolean"},
        },
        "required": ["exception"],
        "additionalProperties": False,
    }
    return {"anyOf": [own, {"$ref": "#/$defs/object"}]}


def _retry_policy() -> Schema:
    rules: Schema = {"type": "array", "items": {"$ref": "#/$defs/retry_rule"}}
    properties: Schema = {"rules": rules, "default": {"enum": list(ACTIONS)}}
    return {"type": "object", "properties": properties, "required": ["rules"], "additionalProperties": False}


_CALLED: Final[Schema] = {
    "type": "object",
    "description": "A function or a notifier's class, and its arguments.",
    "properties": {
        "uses": {"type": "string", "pattern": r"[.:]"},
        "with": {"type": ["object", "null"], "additionalProperties": {"$ref": "#/$defs/value"}},
    },
    "required": ["uses"],
    "additionalProperties": False,
}
_OBJECT: Final[Schema] = {
    "type": "object",
    "properties": {
        "$new": {
            "type": "string",
            "pattern": r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*$",
            "description": "An object of a class, or what a function gives, made when the Dag is built.",
        },
        "args": {"type": ["array", "null"], "items": {"$ref": "#/$defs/value"}},
        "with": {
            "type": ["object", "null"],
            "propertyNames": {"not": {"pattern": r"^\$"}},
            "additionalProperties": {"$ref": "#/$defs/value"},
        },
    },
    "required": ["$new"],
    "additionalProperties": False,
}
_MARKER: Final[Schema] = {
    "anyOf": [
        _single(("$t", "$template"), {"anyOf": [{"type": "string"}, _FILE]}, "Jinja, rendered when the task runs."),
        _single(("$x", "$xcom"), _OUTPUT, "What an upstream task returned."),
        _FILE,
        _single(("$item",), {"type": "string"}, "The item of the group around, by the argument that repeats it."),
        _single(("$const",), {}, "The value itself, even when it looks like a marker."),
        {"$ref": "#/$defs/object"},
    ]
}
_ITEMS: Final[Schema] = {
    "anyOf": [
        {"type": "array", "minItems": 1},
        {"type": "object", "minProperties": 1},
        {"$ref": "#/$defs/expression"},
    ]
}
_EXPAND: Final[Schema] = {
    "anyOf": [
        {"type": "object", "minProperties": 1, "additionalProperties": _ITEMS},
        {"type": "null"},
    ]
}
_EXPAND_KWARGS: Final[Schema] = {
    "anyOf": [
        {"type": "array", "minItems": 1, "items": {"type": "object"}},
        {"$ref": "#/$defs/marker"},
        {"$ref": "#/$defs/expression"},
        {"type": "null"},
    ]
}
_REPEATED: Final[dict[str, Schema]] = {
    "for": {
        "description": REPEAT_KEYS["for"],
        "type": ["object", "null"],
        "properties": {
            "each": {"anyOf": [{"type": ["array", "object"], "minItems": 1}, {"$ref": "#/$defs/expression"}]},
            "as": {"type": "string", "pattern": r"^[A-Za-z_]\w*$"},
        },
        "required": ["each"],
        "additionalProperties": False,
    }
}
_TEARDOWN: Final[Schema] = {
    "type": "object",
    "properties": {
        "setups": {"$ref": "#/$defs/names"},
        "on_failure_fail_dagrun": {"type": "boolean"},
    },
    "additionalProperties": False,
}
_VALUE: Final[Schema] = {
    "anyOf": [
        {"type": ["string", "number", "boolean", "null"]},
        {"type": "array", "items": {"$ref": "#/$defs/value"}},
        {"$ref": "#/$defs/marker"},
        {
            "title": "mapping of values",  # tells this alternative from the others where an editor shows a text
            "type": "object",
            "propertyNames": {"not": {"pattern": r"^\$"}},
            "additionalProperties": {"$ref": "#/$defs/value"},
        },
    ]
}


def _uses() -> Schema:
    return {
        "description": TASK_KEYS["uses"],
        "anyOf": [
            {"enum": sorted(short_names.short_names())},
            {"type": "string", "pattern": r"^[a-z][a-z0-9_]*$|[.:]"},
            {"type": "null"},
            {"$ref": "#/$defs/expression"},
        ],
    }


def _document_keys() -> dict[str, Schema]:
    named_jobs: Schema = {
        "type": "object",
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/job"}, {"type": "null"}]},
    }
    listed_jobs = {
        "type": "array",
        "minItems": 1,
        "items": {"$ref": "#/$defs/job", "anyOf": [{"required": ["name"]}, {"required": ["from"]}]},
    }
    named_jobs["properties"] = {
        "from": {"anyOf": [_ref("names"), _ref("job"), {"type": "null"}]},
        "matrix": {"type": "object", "additionalProperties": {"anyOf": [{"type": "array"}, _ref("expression")]}},
    }
    keys: dict[str, Schema] = {
        "$schema": {"type": "string"},
        "dag_id": {"type": ["string", "number"], "minLength": 1},
        "include": {"anyOf": [{"$ref": "#/$defs/names"}, {"type": "null"}]},
        "schedule": {"$ref": "#/$defs/schedule"},
        "timezone": {"type": ["string", "null"]},
        "python": {"type": ["string", "null"], "minLength": 1},
        "defaults": {"$ref": "#/$defs/task_arguments"},
        "jobs": {"anyOf": [listed_jobs, named_jobs]},
        "job_defaults": {"type": ["object", "null"]},
        "templates": {"type": ["object", "null"], "additionalProperties": {"$ref": "#/$defs/template"}},
        "groups": {"type": ["object", "null"], "additionalProperties": {"$ref": "#/$defs/named_group"}},
        "tasks": _ref("entries"),
    }
    return {name: {**keys[name], "description": says} for name, says in DOCUMENT_KEYS.items()}


def _task(more: dict[str, Schema]) -> Schema:
    keys: dict[str, Schema] = {
        "id": {"type": ["string", "number"], "minLength": 1},
        "uses": {"$ref": "#/$defs/uses"},
        "with": {
            "type": ["object", "null"],
            "propertyNames": {"not": {"pattern": r"^\$"}},
            "additionalProperties": {"$ref": "#/$defs/value"},
        },
        "needs": {"anyOf": [{"$ref": "#/$defs/names"}, {"type": "null"}]},
        "extends": {"anyOf": [{"$ref": "#/$defs/names"}, {"type": "null"}]},
        "expand": _EXPAND,
        "expand_kwargs": _EXPAND_KWARGS,
        "setup": {"type": ["boolean", "null"]},
        "teardown": {"anyOf": [{"type": ["boolean", "null"]}, _TEARDOWN]},
        **function_docs.schemas(),
    }
    own = {name: {**keys[name], "description": says} for name, says in TASK_KEYS.items()}
    shared = {name: {"$ref": f"#/$defs/task_arguments/properties/{name}"} for name in TASK_ARGUMENTS}
    return {"type": "object", "properties": {**own, **shared, **more}, "additionalProperties": False}


def _group() -> Schema:
    keys: dict[str, Schema] = {
        "group": {"type": ["string", "number"], "minLength": 1},
        "tasks": _ref("entries"),
        "needs": {"anyOf": [_ref("names"), {"type": "null"}]},
        "extends": {"anyOf": [_ref("names"), {"type": "null"}]},
        "defaults": _ref("task_arguments"),
        "expand": _EXPAND,
        "expand_kwargs": _EXPAND_KWARGS,
    }
    own = {name: {**keys[name], "description": says} for name, says in GROUP_KEYS.items()}
    return {
        "type": "object",
        "properties": {**own, **_arguments(GROUP_ARGUMENTS), **_REPEATED},
        "additionalProperties": False,
    }


def _alike(other: str, made: Schema) -> Schema:
    """Write a definition whose properties are those of another one as references to them."""
    return {**made, "properties": {name: _ref(f"{other}/properties/{name}") for name in made["properties"]}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _arguments(table: Table[ArgumentKind]) -> dict[str, Schema]:
    return {name: _argument(argument) for name, argument in table.items()}


def _argument(argument: Argument) -> Schema:
    accepted = [json_schema.of_field(argument, KINDS), {"$ref": "#/$defs/expression"}, {"type": "null"}]
    return {"description": argument.says, "anyOf": accepted}


def files() -> dict[str, str]:
    """Return the files that ``make docs`` writes into ``docs/reference``: name → text."""
    return {FILE_NAME: json_schema.text(schema()), reference.FILE_NAME: reference.page()}
