"""Texts that a function returns as they stand in its source: the tasks that a branch may name."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from airfleet.pipelines.analysis import modules
from airfleet.pipelines.analysis.module_files import Roots
from airfleet.pipelines.analysis.modules import Definition


def answers(module: str, name: str, roots: Roots = ()) -> tuple[str, ...]:
    """List the texts in the ``return`` statements of a function, alone or in a list; values made there are left out."""
    found = modules.find(module, name, roots)
    if not isinstance(found, Definition) or isinstance(found.node, ast.ClassDef) or found.node.decorator_list:
        return ()
    return tuple(dict.fromkeys(text for value in _returned(found.node.body) for text in _texts(value)))


def _returned(body: list[ast.stmt]) -> Iterator[ast.expr]:
    """Yield the values that the function itself returns, not those of functions inside it."""
    pending: list[ast.AST] = [*body]
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            pending += ast.iter_child_nodes(node)


def _texts(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from (*_texts(value.body), *_texts(value.orelse))
    elif isinstance(value, ast.BoolOp):
        yield from (text for item in value.values for text in _texts(item))
    elif isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        yield from (text for item in value.elts for text in _texts(item))
