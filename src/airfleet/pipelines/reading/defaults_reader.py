"""``defaults`` of a pipeline or group: arguments of tasks."""

from __future__ import annotations

from airfleet.pipelines.language import wrong_key_hints
from airfleet.pipelines.language.arguments import (
    DAG_ARGUMENTS,
    TASK_ARGUMENTS,
    TASK_KEYS,
    TASK_OWN_KEYS,
    TASK_PYTHON_ONLY,
)
from airfleet.pipelines.language.spec import Value
from airfleet.pipelines.reading.schedules.arguments import argument
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Scalar
from airfleet.yaml.problems import Report, joined


def read_defaults(node: Mapping, path: str, report: Report) -> dict[str, Value]:
    """Give the arguments that stand at ``path``; a wrong one has a problem and is left out."""
    found: dict[str, Value] = {}
    for key, inner in node.entries:
        at = joined(path, key.text)
        if key.text not in TASK_ARGUMENTS:
            _unknown(key, at, report)
        elif (read := argument(inner, at, TASK_ARGUMENTS[key.text], report)) is not None:
            found[key.text] = read
    return found


def _unknown(key: Scalar, path: str, report: Report) -> None:
    name = key.text
    if name in TASK_PYTHON_ONLY:
        report.problem(key, path, TASK_PYTHON_ONLY[name], wrong_key_hints.BY_PYTHON.get(name), Code.PYTHON_ONLY)
    elif name in TASK_OWN_KEYS or name in TASK_KEYS:
        report.problem(key, path, "cannot be a default", "a template can hold it; see 'templates'", Code.MISPLACED_KEY)
    elif name in DAG_ARGUMENTS:
        report.problem(
            key, path, "is an argument of the pipeline, not of tasks", "write it at the top level", Code.MISPLACED_KEY
        )
    else:
        report.problem(
            key, path, f"a task has no '{name}'", report.hints.did_you_mean(name, TASK_ARGUMENTS), Code.UNKNOWN_KEY
        )
