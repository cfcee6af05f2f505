"""Functions of a file with Dags, moved into a module of their own, with what they need of the file."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

#: decorators of Airflow that make a task of a function
_TASK: Final = "task"


def moved(text: str, names: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Write a module with these functions of a file, and list the names in them that cannot be moved.

    Imports, constants, functions and classes come along where a function needs them; Dags, tasks and everything that is
    made by a call do not.
    """
    tree = ast.parse(text)
    defined = dict(reversed(list(_definitions(tree.body))))  # the first definition of a name counts
    needed: dict[int, ast.stmt] = {}
    missing: list[str] = []
    waiting = list(dict.fromkeys(names))
    seen: set[str] = set()
    while waiting:
        name = waiting.pop(0)
        if name in seen or name not in defined:
            continue
        seen.add(name)
        node = defined[name]
        if not _can_move(node):
            missing.append(name)
            continue
        needed[node.lineno] = node
        waiting += _used(node)
    body = [_without_task(needed[line]) for line in sorted(needed)]
    return _written(body), tuple(missing)


def _definitions(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """List the statements that define names, also those inside of a ``with`` or ``if``, and functions in functions."""
    for node in body:
        if isinstance(node, (ast.With, ast.If)):
            yield from _definitions(node.body)
            continue
        if isinstance(node, ast.FunctionDef):  # of a Dag: the functions of its tasks stand in it
            yield from ((name, inner) for name, inner in _definitions(node.body) if isinstance(inner, ast.FunctionDef))
        yield from ((name, node) for name in _defined(node))


def _defined(node: ast.stmt) -> Iterator[str]:
    """List the names that a statement of a module defines."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _can_move(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return node.value is not None and not any(isinstance(part, ast.Call) for part in ast.walk(node.value))
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom))


def _used(node: ast.stmt) -> list[str]:
    inner = _without_task(node)
    return [part.id for part in ast.walk(inner) if isinstance(part, ast.Name)]


def _without_task(node: ast.stmt) -> ast.stmt:
    """Give a function without the decorator that makes a task of it."""
    if not isinstance(node, ast.FunctionDef):
        return node
    kept = [one for one in node.decorator_list if not _is_task(one)]
    return ast.FunctionDef(node.name, node.args, node.body, kept, node.returns, node.type_comment, lineno=node.lineno)


def _is_task(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return any(isinstance(part, ast.Name) and part.id == _TASK for part in ast.walk(called)) or (
        isinstance(called, ast.Attribute) and called.attr == _TASK
    )


def _written(body: list[ast.stmt]) -> str:
    imports = [ast.unparse(node) for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
    others = [ast.unparse(node) for node in body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    future = [line for line in imports if line.startswith("from __future__")]
    rest = [line for line in imports if line not in future]
    parts = ["\n".join(part) for part in (future, rest) if part]
    written = "\n\n".join([*parts, *(f"\n{other}" for other in others)]).strip("\n")
    return f"{written}\n" if written else ""
