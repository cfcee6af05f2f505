"""Every key of a test file: the reader, the JSON Schema and the reference page come from these tables."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from airfleet.yaml import fields
from airfleet.yaml.fields import Field, Kinds, Schema, ValueKind

CaseKind = Literal[
    "text", "texts", "name", "date", "duration", "boolean", "count", "value", "values", "connections", "state",
    "mocks", "expect", "cases", "expected_tasks",
]  # fmt: skip

Key: TypeAlias = Field[CaseKind]
Table: TypeAlias = fields.Table[CaseKind]

RUN_STATES: Final = ("success", "failed")
TASK_STATES: Final = (
    "success", "failed", "skipped", "upstream_failed", "up_for_reschedule", "awaiting_input", "deferred", "none",
)  # fmt: skip

SHARED: Final[Table] = {
    "pipeline": Key("text", "the pipeline file, beside the test file or in the folder above (the test file's name)"),
    "job": Key("text", "the job of the pipeline, or its `dag_id`, when the file makes several Dags"),
    "date": Key("date", "the logical date of the run (today)"),
    "now": Key("date", "the moment at which the run begins, for `{{ macros.datetime.now() }}` too (`date`)"),
    "params": Key("values", "params of the run"),
    "variables": Key("values", "Airflow's variables; the case has no others"),
    "connections": Key("connections", "Airflow's connections: `{id: URI}` or `{id: {type, host, …}}`; no others exist"),
    "mocks": Key("mocks", "tasks that do not run, and what stands in for them"),
    "timeout": Key("duration", "how long the tasks may take in all (`60s`)"),
}
FILE: Final[Table] = {
    "$schema": Key("text", "the address of a JSON Schema, for editors"),
    **SHARED,
    "cases": Key("cases", "the cases; each may have all keys above, which win over those of the file", required=True),
}
CASE: Final[Table] = {
    "name": Key("text", "the name of the case, unique in the file", required=True),
    **SHARED,
    "expect": Key("expect", "the end of the run (it succeeds)"),
}
MOCK: Final[Table] = {
    "returns": Key("value", "the output of the task"),
    "outputs": Key("values", "outputs under other keys"),
    "fails": Key("text", "the task fails with this message"),
    "skips": Key("boolean", "the task skips itself"),
}
EXPECT: Final[Table] = {
    "run": Key(
        "state", "the state of the run; left out: `success`, unless a task is expected to fail", choices=RUN_STATES
    ),
    "tasks": Key("expected_tasks", "tasks by their ids, each a state or a mapping; `load[0]` is a copy"),
    "order": Key("texts", "tasks that begin in this order, whatever runs between them"),
}
EXPECTED_TASK: Final[Table] = {
    "state": Key("state", "the state of the task", choices=TASK_STATES),
    "returns": Key("value", "the output, exactly"),
    "contains": Key("value", "a part of the output: items of a list, keys of a mapping, a part of a text"),
    "outputs": Key("values", "outputs under other keys, exactly"),
    "rendered": Key("values", "arguments under `with` as the task had them, after `$t` and `$x`"),
    "error": Key("text", "a part of the kind and message of its error"),
    "tries": Key("count", "how many tries there were", minimum=0),
    "copies": Key("count", "how often `expand` repeated the task", minimum=0),
}
CONNECTION: Final[Table] = {
    "type": Key("text", "the kind, as in `postgres`", required=True),
    "host": Key("text", "the host"),
    "port": Key("count", "the port", minimum=0, maximum=65535),
    "login": Key("text", "the user"),
    "password": Key("text", "the password; a test needs no real one"),
    "schema": Key("text", "the schema or database"),
    "extra": Key("values", "everything else"),
}

_TEXT: Final[Schema] = {"type": ["string", "number"]}
_OBJECT: Final[Schema] = {"type": ["object", "null"]}


def _below(name: str) -> ValueKind:
    return ValueKind({"$ref": f"#/$defs/{name}"}, f"[see below](#{name.replace('_', '-')})")


KINDS: Final[Kinds[CaseKind]] = {
    "text": ValueKind(_TEXT, "text"),
    "texts": ValueKind({"type": "array", "items": _TEXT}, "list of text"),
    "name": ValueKind(_TEXT, "text"),
    "date": ValueKind({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}([Tt ].+)?$"}, "date"),
    "duration": ValueKind({"type": ["string", "number"]}, "duration"),
    "boolean": ValueKind({"type": "boolean"}, "true or false"),
    "count": ValueKind({"type": "integer"}, "whole number"),
    "value": ValueKind({}, "any value"),
    "values": ValueKind(_OBJECT, "mapping"),
    "connections": _below("connections"),
    "state": ValueKind(_TEXT, "state"),
    "mocks": _below("mocks"),
    "expect": _below("expect"),
    "cases": _below("cases"),
    "expected_tasks": _below("expected_tasks"),
}
