"""Arguments that every task can have, of a task or as a default, in our words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from airfleet.pipelines.dialects.dag_factory import dates, functions, objects, schedules
from airfleet.pipelines.dialects.node_building import entries, text
from airfleet.pipelines.dialects.translation import Translation
from airfleet.pipelines.language.arguments import TASK_ARGUMENTS
from airfleet.pipelines.upgrade import names as moved_names
from airfleet.yaml.nodes import Mapping, Node, Scalar

#: keys of dag-factory 0.x and of Airflow 1.10 and 2, and what they are called now
RENAMED: Final = {
    "retry_delay_sec": "retry_delay",
    "execution_timeout_secs": "execution_timeout",
    "max_retry_delay_sec": "max_retry_delay",
    "task_concurrency": "max_active_tis_per_dag",
    "xcom_push": "do_xcom_push",
}
#: keys that do nothing in Airflow 3
WITHOUT_EFFECT: Final = frozenset({"provide_context", "sla", "sla_secs"})

Keys = dict[str, tuple[Scalar, Node]]


def renamed(keys: Keys) -> Keys:
    """Give keys by the names that they have today; what they have already is not taken from an old name."""
    found = {name: entry for name, entry in keys.items() if name not in RENAMED}
    for name, entry in keys.items():
        if name in RENAMED:
            found.setdefault(RENAMED[name], entry)
    return found


def take(keys: Keys, path: str, translation: Translation) -> list[tuple[str | Scalar, Node | None]]:
    """Take the arguments of every task out of ``keys``, in our words."""
    found: list[tuple[str | Scalar, Node | None]] = []
    for name in functions.OF_A_TASK:
        at = (keys.get(name) or keys.get(f"{name}_name") or (name, None))[0]
        if (called := functions.callback(keys, name, path, translation)) is not None:
            key = Scalar(name, name, at.place) if isinstance(at, Scalar) else name
            found.append((key, called))
    for name in list(keys):
        if name in WITHOUT_EFFECT:
            keys.pop(name)
        elif name in TASK_ARGUMENTS or name in _READERS:
            key, node = keys.pop(name)
            found.append((Scalar(name, name, key.place), option(name, node, f"{path}.{name}", translation)))
    return found


def option(name: str, node: Node, path: str, translation: Translation) -> Node | None:
    """Give one argument of a task; None for one that says nothing."""
    kind = TASK_ARGUMENTS[name].kind if name in TASK_ARGUMENTS else ""
    reader = _READERS.get(name) or _BY_KIND.get(kind)
    if reader is not None:
        return reader(node, path, translation)
    return objects.value(node, objects.PLAIN, path, translation) if isinstance(node, Mapping) else node


def _trigger_rule(node: Node, path: str, translation: Translation) -> Node:
    """Give a trigger rule by its name today, also of an object of Airflow's."""
    written = node.text.rpartition(".")[2].lower() if isinstance(node, Scalar) else ""
    now = moved_names.TRIGGER_RULES.get(written, written)
    return text(now, node.place) if written else node


def _params(node: Node, path: str, translation: Translation) -> Node | None:
    return objects.params(node, path, translation) if not _is_empty(node) else None


def _assets(node: Node, path: str, translation: Translation) -> Node | None:
    return schedules.outlets(node, path, translation) if not _is_empty(node) else None


def _is_empty(node: Node) -> bool:
    if isinstance(node, Scalar):
        return node.value is None
    return not (node.entries if isinstance(node, Mapping) else node.items)


def _executor_config(node: Node, path: str, translation: Translation) -> Node | None:
    return objects.value(node, objects.PLAIN, path, translation) if entries(node) else None


_Reader = Callable[[Node, str, Translation], Node | None]
_READERS: Final[dict[str, _Reader]] = {
    "trigger_rule": _trigger_rule,
    "params": _params,
    "inlets": _assets,
    "outlets": _assets,
    "executor_config": _executor_config,
}
_BY_KIND: Final[dict[str, _Reader]] = {
    "date": dates.date,
    "duration": lambda node, path, translation: objects.duration(node),
}
