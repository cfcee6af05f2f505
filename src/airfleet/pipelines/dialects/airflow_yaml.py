"""Documents of Airflow's own YAML format, known by their ``$schema``: read as Airflow 3.4 reads them.

They are documents of ours already, but for three things: plain values are those of YAML 1.1, a Dag may have no tasks,
and ``run`` is a task in another language.
"""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.dialects.node_building import entries, mapping, text, written_text
from airfleet.pipelines.dialects.translation import Translation, with_scalars
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, is_null
from airfleet.yaml.yaml_11 import scalar_value_11

_SCHEMA: Final = "https://airflow.apache.org/schemas/dag/"
#: what stands in for a task in another language, as Airflow's ``@task.stub`` does
LANGUAGE_TASK: Final = "airfleet.pipelines.airflow.parts.language_tasks.LanguageTask"


def is_airflow_yaml(node: Node) -> bool:
    """Tell whether a document names a schema of Airflow's."""
    schema = node.get("$schema") if isinstance(node, Mapping) else None
    return isinstance(schema, Scalar) and schema.text.startswith(_SCHEMA)


def document(node: Mapping, translation: Translation) -> Mapping:
    """Give the document as ours."""
    changed = with_scalars(node, lambda _, value: _read_again(value))
    assert isinstance(changed, Mapping)  # a mapping stays one
    tasks = changed.get("tasks")
    if not isinstance(tasks, Sequence):
        return changed
    made = Sequence(tuple(_task(one, translation) for one in tasks.items), tasks.place)
    others = (entry if entry[0].text != "tasks" else (entry[0], made) for entry in changed.entries)
    return Mapping(tuple(others), changed.place)


def has_no_tasks(node: Mapping) -> bool:
    """Tell whether a document names no task, which Airflow allows."""
    tasks = node.get("tasks")
    return tasks is None or (isinstance(tasks, Sequence) and not tasks.items)


def _read_again(node: Scalar) -> Scalar:
    return node if node.quoted else Scalar(scalar_value_11(node.text), node.text, node.place)


def _task(node: Node, translation: Translation) -> Node:
    """Give a task; ``run`` becomes the class that stands in for it, with the same arguments."""
    keys = entries(node)
    if "run" not in keys or is_null(keys["run"][1]) or not isinstance(node, Mapping):
        return node
    key, arguments = keys["run"]
    if "uses" in keys and not is_null(keys["uses"][1]):
        return node  # the reader says that this is one too many
    path = f"tasks.{written_text(node.get('id')) or ''}.run"
    sentence = "only a worker of another language can run this task, and the fleet has none"
    translation.remark(key, path, sentence, code=Code.LANGUAGE_TASK)
    kept = [entry for name, entry in keys.items() if name not in ("run", "uses")]
    given = mapping([(Scalar("op_kwargs", "op_kwargs", key.place), arguments)], arguments.place)
    uses = (Scalar("uses", "uses", key.place), text(LANGUAGE_TASK, key.place))
    return mapping([*kept, uses, (Scalar("with", "with", key.place), given)], node.place)
