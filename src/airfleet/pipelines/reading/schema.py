"""The JSON Schema of a pipeline file, made from the same tables the reader uses.

``python -m airfleet.pipelines.reading.schema --write docs/reference`` writes the schema and the reference page;
with ``--check`` it writes nothing and fails when they are not what it would write.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from airfleet.pipelines.analysis import catalog
from airfleet.pipelines.language.arguments import (
    DAG_ARGUMENTS,
    DOCUMENT_KEYS,
    TASK_ARGUMENTS,
    TASK_KEYS,
    Argument,
    Kind,
)
from airfleet.pipelines.language.cron import PRESETS
from airfleet.pipelines.reading import reference

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def schema() -> Schema:
    """The schema of one document of a pipeline file."""
    return {
        "$schema": DIALECT,
        "title": "airfleet pipeline",
        "description": "One document makes one Airflow Dag, or one Dag for each of its jobs.",
        "type": "object",
        "required": ["dag_id", "tasks"],
        "properties": {**_document_keys(), **_arguments(DAG_ARGUMENTS)},
        "additionalProperties": False,
        "$defs": {
            "expression": _EXPRESSION,
            "duration": _DURATION,
            "date": _DATE,
            "function": {"type": "string", "pattern": r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"},
            "names": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            "uses": _uses(),
            "value": _VALUE,
            "marker": _MARKER,
            "job": {"type": "object"},
            "task_arguments": {
                "type": ["object", "null"],
                "properties": _arguments(TASK_ARGUMENTS),
                "additionalProperties": False,
            },
            "task": {**_task(), "anyOf": [{"required": ["id"]}, {"required": ["extends"]}]},
            "template": _task(),
        },
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
_FILE: Final[Schema] = {
    "type": "object",
    "description": "The text of a file beside the pipeline.",
    "properties": {"$f": {"type": "string"}, "$file": {"type": "string"}},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
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


def _single(keys: tuple[str, ...], value: Schema, description: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": dict.fromkeys(keys, value),
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }


_MARKER: Final[Schema] = {
    "anyOf": [
        _single(("$t", "$template"), {"anyOf": [{"type": "string"}, _FILE]}, "Jinja, rendered when the task runs."),
        _single(("$x", "$xcom"), _OUTPUT, "What an upstream task returned."),
        _FILE,
        _single(("$const",), {}, "The value itself, even when it looks like a marker."),
    ]
}
_VALUE: Final[Schema] = {
    "anyOf": [
        {"type": ["string", "number", "boolean", "null"]},
        {"type": "array", "items": {"$ref": "#/$defs/value"}},
        {"$ref": "#/$defs/marker"},
        {
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
            {"enum": sorted(catalog.short_names())},
            {"type": "string", "pattern": r"[.:]"},
            {"type": "null"},
            {"$ref": "#/$defs/expression"},
        ],
    }


def _document_keys() -> dict[str, Schema]:
    named_jobs = {"type": "object", "additionalProperties": {"anyOf": [{"$ref": "#/$defs/job"}, {"type": "null"}]}}
    listed_jobs = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/job", "required": ["name"]}}
    keys: dict[str, Schema] = {
        "$schema": {"type": "string"},
        "dag_id": {"type": ["string", "number"], "minLength": 1},
        "schedule": _schedule(),
        "defaults": {"$ref": "#/$defs/task_arguments"},
        "jobs": {"anyOf": [listed_jobs, named_jobs]},
        "templates": {"type": ["object", "null"], "additionalProperties": {"$ref": "#/$defs/template"}},
        "tasks": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/task"}},
    }
    return {name: {**keys[name], "description": says} for name, says in DOCUMENT_KEYS.items()}


def _schedule() -> Schema:
    timetable = {
        "type": "object",
        "properties": {"uses": {"type": "string"}, "with": {"type": ["object", "null"]}},
        "required": ["uses"],
        "additionalProperties": False,
    }
    cron = {"type": "string", "pattern": r"^\s*(\S+\s+){4}\S+\s*$"}
    return {"anyOf": [{"enum": list(PRESETS)}, cron, {"$ref": "#/$defs/expression"}, {"type": "null"}, timetable]}


def _task() -> Schema:
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
    }
    own = {name: {**keys[name], "description": says} for name, says in TASK_KEYS.items()}
    shared = {name: {"$ref": f"#/$defs/task_arguments/properties/{name}"} for name in TASK_ARGUMENTS}
    return {"type": "object", "properties": {**own, **shared}, "additionalProperties": False}


def _arguments(table: Mapping[str, Argument]) -> dict[str, Schema]:
    return {name: _argument(argument) for name, argument in table.items()}


def _argument(argument: Argument) -> Schema:
    accepted = [_of_kind(argument), {"$ref": "#/$defs/expression"}, {"type": "null"}]
    return {"description": argument.says, "anyOf": accepted}


def _of_kind(argument: Argument) -> Schema:
    if argument.choices:
        one: Schema = {"enum": list(argument.choices)}
        return {"anyOf": [one, {"type": "array", "items": one}]} if argument.kind == "texts" else one
    found = dict(_KINDS[argument.kind])
    if argument.least is not None:
        found["minimum"] = argument.least
    return found


_KINDS: Final[dict[Kind, Schema]] = {
    "text": {"type": ["string", "number"]},
    "texts": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": ["string", "number"]}}]},
    "integer": {"type": "integer"},
    "number": {"type": ["number", "boolean"]},
    "boolean": {"type": "boolean"},
    "date": {"$ref": "#/$defs/date"},
    "duration": {"$ref": "#/$defs/duration"},
    "mapping": {"type": "object"},
    "function": {"anyOf": [{"$ref": "#/$defs/function"}, {"type": "array", "items": {"$ref": "#/$defs/function"}}]},
}


def files() -> dict[str, str]:
    """The generated files: name → text."""
    return {
        "pipeline.schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
        "pipeline.md": reference.page(),
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the generated files, or check that they are as they would be written."""
    parser = argparse.ArgumentParser(prog="python -m airfleet.pipelines.reading.schema", description=__doc__)
    parser.add_argument("--write", type=Path, required=True, metavar="FOLDER", help="where the files are")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    given = parser.parse_args(arguments)
    stale = [name for name, text in files().items() if _read(given.write / name) != text]
    if given.check:
        for name in stale:
            print(f"{given.write / name} is stale; run this command without --check", file=sys.stderr)
        return 1 if stale else 0
    given.write.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (given.write / name).write_text(files()[name], encoding="utf-8")
    return 0


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
