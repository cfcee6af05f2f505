"""The Dags of two files, compared as Airflow stores them.

Run as a program: ``python -m airfleet.pipelines.airflow.conversion.comparison ANSWER ORIGINAL CONVERTED`` writes a file
with the differences, as a list in JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Final

from airflow.dag_processing.importers import PythonDagImporter
from airflow.sdk import DAG, BaseOperator, literal
from airflow.serialization.serialized_objects import DagSerialization

from airfleet.pipelines.airflow.import_common import dags_and_problems, reach_modules

#: differs between a file and a module, or between texts that are marked and all texts
_OF_THE_AUTHOR: Final = frozenset(
    [
        *(
            "_dag_hash",
            "doc_md",
            "fileloc",
            "relative_fileloc",
            "_processor_dags_folder",
            "_task_module",
            "task_module",
        ),
        *("template_fields", "template_ext", "template_fields_renderers", "template_searchpath", "op_args", "ui_color"),
        *("python_callable_name", "_operator_name", "op_kwargs"),
    ]
)
#: what makes a task of a function
_FUNCTION_TASKS: Final = frozenset({"FunctionTask", "_PythonDecoratedOperator", "PythonOperator"})


def differences(original: Path, converted: Path) -> Iterator[str]:
    """Yield each difference between the Dags of two files."""
    before, after = ({dag.dag_id: dag for dag in _dags(file)} for file in (original, converted))
    for dag_id in sorted({*before, *after}):
        if dag_id not in after:
            yield f"{dag_id}: the converted file has no such Dag"
        elif dag_id not in before:
            yield f"{dag_id}: the original has no such Dag"
        else:
            yield from _between(stored(before[dag_id]), stored(after[dag_id]), dag_id)


def _dags(file: Path) -> list[DAG]:
    reach_modules(file)
    if file.suffix == ".py":
        return list(PythonDagImporter().import_file(file, safe_mode=False).dags)
    found, problems = dags_and_problems(file)
    for problem in problems:
        print(json.dumps(f"{problem}"))
    return found


def stored(dag: DAG) -> dict[str, Any]:
    """Give what Airflow stores of a Dag, tasks by their ids, without the parts that the language decides."""
    found: dict[str, Any] = _compared(DagSerialization.to_dict(dag)["dag"])
    tasks = {str(task.get("task_id")): task for task in found.get("tasks", ())}
    found["tasks"] = {name: {**task, **_rendered(dag.get_task(name))} for name, task in tasks.items()}
    return found


def _rendered(operator: Any) -> dict[str, str]:
    """Give the arguments that the class of a task has rendered; Airflow does not store those of ours without Jinja."""
    fields = getattr(type(operator), "template_fields", ()) if isinstance(operator, BaseOperator) else ()
    names = [name for name in fields if name not in _OF_THE_AUTHOR and hasattr(operator, name)]
    return {name: str(_plain(getattr(operator, name))) for name in names}


def _plain(value: Any) -> Any:
    """Give a value without guards against Jinja."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, type(literal(""))) else value


def _compared(value: Any) -> Any:
    if isinstance(value, dict):
        named = {str(key.value if isinstance(key, Enum) else key): item for key, item in value.items()}
        if named.keys() == {"__type", "__var"}:
            return _compared(named["__var"])
        return {key: _compared(item) for key, item in named.items() if key not in _OF_THE_AUTHOR}
    if isinstance(value, (list, tuple)):
        return [_compared(item) for item in value]
    return "a function" if isinstance(value, str) and value in _FUNCTION_TASKS else value


def _between(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _between(before.get(key), after.get(key), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after) and _is_nested(before):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _between(one, other, f"{path}[{index}]")
    elif before != after and _sorted(before) != _sorted(after):
        yield f"{path}: {_shown(before)} in the original, {_shown(after)} in the converted file"


def _is_nested(value: list[Any]) -> bool:
    return any(isinstance(one, dict) for one in value)


def _sorted(value: Any) -> Any:
    return sorted(map(repr, value)) if isinstance(value, list) else value


def _shown(value: Any) -> str:
    written = "nothing" if value is None else str(value)
    return written if len(written) <= 200 else f"{written[:197]}…"


if __name__ == "__main__":
    found = list(differences(Path(sys.argv[2]), Path(sys.argv[3])))
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")
