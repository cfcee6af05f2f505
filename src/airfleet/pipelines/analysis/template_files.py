"""Endings of files that an operator takes in place of a text: ``template_ext`` of its class, read without importing."""

from __future__ import annotations

import ast
import functools

from airfleet.pipelines.analysis import modules
from airfleet.pipelines.analysis.module_files import Roots
from airfleet.pipelines.analysis.modules import Definition


@functools.lru_cache(maxsize=512)
def endings(path: str, roots: Roots = ()) -> tuple[str, ...]:
    """List the endings of the operator at an import path; none when they cannot be known."""
    module, _, name = path.rpartition(".")
    return _endings(module, name, roots, frozenset())


def _endings(module: str, name: str, roots: Roots, within: frozenset[tuple[str, str]]) -> tuple[str, ...]:
    found = modules.find(module, name, roots)
    if not isinstance(found, Definition) or not isinstance(found.node, ast.ClassDef):
        return ()
    here = (found.module, found.node.name)
    if here in within:
        return ()
    own = _assigned(found.node)
    if own is not None:
        return own
    bases = (base.value if isinstance(base, ast.Subscript) else base for base in found.node.bases)
    names = [base.id for base in bases if isinstance(base, ast.Name)]
    inherited = (_endings(found.module, base, roots, within | {here}) for base in names)
    return next((some for some in inherited if some), ())


def _assigned(node: ast.ClassDef) -> tuple[str, ...] | None:
    """Give what the class itself assigns."""
    for item in node.body:
        if not isinstance(item, (ast.Assign, ast.AnnAssign)):
            continue
        target = item.targets[0] if isinstance(item, ast.Assign) else item.target
        if isinstance(target, ast.Name) and target.id == "template_ext":
            parts = item.value.elts if isinstance(item.value, (ast.Tuple, ast.List)) else []
            return tuple(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
    return None
