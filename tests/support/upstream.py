"""Functions of upstream as digests that can be compared."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def digest(function: Callable[..., Any]) -> str:
    """Digest a function; comments, docstrings and layout do not count."""
    return source_digest(textwrap.dedent(inspect.getsource(function)))


def source_digest(source: str) -> str:
    """Digest Python source; the same under every Python that reads it."""
    return hashlib.sha256(repr(_shape(ast.parse(source))).encode()).hexdigest()[:16]


def _shape(node: object) -> object:
    """Turn a syntax tree into tuples; what is empty is left out, as each Python adds empty fields of its own."""
    if isinstance(node, list):
        return [_shape(part) for part in node]
    if not isinstance(node, ast.AST):
        return node
    own = {"body": _body, "values": _values}
    fields = ((name, own[name](node) if name in own else value) for name, value in ast.iter_fields(node))
    return type(node).__name__, [(name, _shape(value)) for name, value in fields if value not in (None, [])]


def _body(node: Any) -> object:
    """Give the statements without the docstring."""
    documented = isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None
    return (node.body[1:] or [ast.Pass()]) if documented else node.body


def _values(node: Any) -> list[ast.AST]:
    """Give the parts of an f-string without empty texts, which Python 3.12.1 adds, or those of another node."""
    if not isinstance(node, ast.JoinedStr):
        return node.values  # type: ignore[no-any-return]
    return [part for part in node.values if not (isinstance(part, ast.Constant) and part.value == "")]


def parameters(function: Callable[..., Any]) -> list[str]:
    """Names of what it takes."""
    return list(inspect.signature(function).parameters)
