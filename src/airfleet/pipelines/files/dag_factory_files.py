"""Files of dag-factory and of MWAA Serverless, known by their shape: a mapping from names of Dags to what they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from airfleet.yaml.nodes import Mapping, Node, Sequence

#: the block whose keys every Dag of a file has
DEFAULT: Final = "default"
#: keys of a Dag that no other tool has under a name
_OF_A_DAG: Final = frozenset({"default_args", "schedule", "schedule_interval", "task_groups", "catchup"})
#: keys of a task
_OF_A_TASK: Final = frozenset({"operator", "decorator", "task_id", "task_group_name"})


def is_dag_factory(node: Node) -> bool:
    """Tell whether a document maps names to Dags: one of them has tasks or groups as dag-factory writes them."""
    if not isinstance(node, Mapping) or any(key.text in ("dag_id", "tasks", "jobs") for key, _ in node.entries):
        return False
    return any(_is_dag(value) for _, value in node.entries)


def is_defaults(node: Node) -> bool:
    """Tell whether a document is what dag-factory takes for ``defaults.yml``: keys of Dags, without a name."""
    return isinstance(node, Mapping) and "default_args" in {key.text for key, _ in node.entries}


def _is_dag(node: Node) -> bool:
    if not isinstance(node, Mapping):
        return False
    keys = {key.text for key, _ in node.entries}
    if not keys & {"tasks", "task_groups"}:
        return False
    return bool(keys & _OF_A_DAG) or any(map(_is_task, _tasks(node.get("tasks"))))


def _is_task(node: Node) -> bool:
    return isinstance(node, Mapping) and any(key.text in _OF_A_TASK for key, _ in node.entries)


def _tasks(node: Node | None) -> Iterator[Node]:
    if isinstance(node, Sequence):
        yield from node.items
    elif isinstance(node, Mapping):
        yield from (value for _, value in node.entries)
