"""Enumerations that annotations name, read from their source: the texts that stand for their members."""

from __future__ import annotations

import ast

from airfleet.pipelines.analysis import modules
from airfleet.pipelines.analysis.annotations import words_in
from airfleet.pipelines.analysis.module_files import Roots
from airfleet.pipelines.analysis.modules import Definition


def texts_of(annotation: str, module: str, roots: Roots) -> tuple[str, ...] | None:
    """List the values of the enumeration that an annotation in ``module`` names; None when it names something else."""
    words = words_in(annotation)
    if len(words) != 1:
        return None
    found = modules.find(module, next(iter(words)), roots)
    node = found.node if isinstance(found, Definition) else None
    if not isinstance(node, ast.ClassDef) or not _is_enumeration(node):
        return None
    values = [item.value for item in node.body if isinstance(item, ast.Assign)]
    texts = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return tuple(texts) if texts and len(texts) == len(values) else None


def _is_enumeration(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).rpartition(".")[2] in ("Enum", "StrEnum") for base in node.bases)
