"""What upstream's functions do, in a form that can be compared."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def digest(function: Callable[..., Any]) -> str:
    """Of what the function does: comments, docstrings and layout do not count."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.Module)) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


def parameters(function: Callable[..., Any]) -> list[str]:
    """Names of what it takes."""
    return list(inspect.signature(function).parameters)
