"""Keys that may stand at a place of a pipeline file, and what each means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airfleet.editor.spots import Path
from airfleet.pipelines.language.arguments import (
    DAG_ARGUMENTS,
    DOCUMENT_KEYS,
    GROUP_ARGUMENTS,
    GROUP_KEYS,
    REPEAT_KEYS,
    TASK_ARGUMENTS,
    TASK_KEYS,
)
from airfleet.yaml import nodes


def known_keys(path: Path, beside: nodes.Mapping) -> Mapping[str, str]:
    """Give the keys of the mapping at a path, by the keys that it has already; none for one with keys of its own."""
    if not path:
        return _said(DOCUMENT_KEYS, DAG_ARGUMENTS)
    if path[-1] == "defaults":
        return _said({}, TASK_ARGUMENTS)
    if _is_entry(path):
        if beside.get("group") is not None:
            return _said({**GROUP_KEYS, **REPEAT_KEYS}, GROUP_ARGUMENTS)
        either = {} if beside.get("id") is not None else {"group": GROUP_KEYS["group"]}
        return _said({**TASK_KEYS, **REPEAT_KEYS, **either}, TASK_ARGUMENTS)
    if len(path) == 2 and path[0] == "templates":
        return _said(TASK_KEYS, TASK_ARGUMENTS)
    if len(path) == 2 and path[0] == "groups":
        return _said(GROUP_KEYS, GROUP_ARGUMENTS)
    return {}


def _said(own: Mapping[str, str], table: Mapping[str, Any]) -> Mapping[str, str]:
    return {**own, **{name: field.says for name, field in table.items() if name not in own}}


def _is_entry(path: Path) -> bool:
    return len(path) >= 2 and path[-2] == "tasks" and isinstance(path[-1], int)
