"""Python modules read as text: which names a module has and where they really come from.

Nothing is imported or run. A name that a module makes at run time, a compiled module, or a file that
cannot be parsed is :data:`UNKNOWN`; only what is certain not to be there is :class:`MissingDefinition`.
"""

from __future__ import annotations

import ast
import functools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final, TypeAlias

from airfleet.pipelines.analysis.module_files import Roots, find_file, may_be_there, module_file, modules_in


class Unknown(Enum):
    """It may be there or not: reading alone cannot tell."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True)
class MissingDefinition:
    """There is no such module (``name`` is empty), or the module has no such name."""

    module: str
    name: str = ""
    #: names that are there, for a hint
    known: tuple[str, ...] = ()
    #: why the module is none, though its file is there
    broken: str = ""


@dataclass(frozen=True)
class Definition:
    """A class or function, in the module that defines it."""

    module: str
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


_DEFINITIONS: Final = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
#: A chain of re-exports longer than this is a circle.
_LONGEST_CHAIN: Final = 12


def find(module: str, name: str, roots: Roots = (), depth: int = 0) -> Definition | MissingDefinition | Unknown:
    """Find the class or function that ``module`` calls ``name``, followed through its imports."""
    outline = read(module, roots)
    if not isinstance(outline, Outline):
        return outline
    if depth > _LONGEST_CHAIN:
        return UNKNOWN
    answers = [_follow(binding, outline, roots, depth) for binding in outline.names.get(name, ())]
    answers += [find(star, name, roots, depth + 1) for star in outline.stars]
    if found := next((answer for answer in answers if isinstance(answer, Definition)), None):
        return found
    if (
        outline.makes_names
        or name in outline.lazy
        or any(answer is UNKNOWN or _is_broken(answer) for answer in answers)
    ):
        return UNKNOWN
    if answers and not outline.stars:
        return UNKNOWN  # it is bound to something that is not installed; importing it will say so better
    if module_file(f"{module}.{name}", roots) is not None:
        return UNKNOWN  # a module, not a class
    return MissingDefinition(module, name, outline.known)


def _is_broken(answer: Definition | MissingDefinition | Unknown) -> bool:
    return isinstance(answer, MissingDefinition) and bool(answer.broken)


def _follow(binding: Binding, outline: Outline, roots: Roots, depth: int) -> Definition | MissingDefinition | Unknown:
    if isinstance(binding, _DEFINITIONS):
        return Definition(outline.module, binding)
    if isinstance(binding, tuple):
        return find(*binding, roots, depth + 1)
    if isinstance(binding, str) and binding in outline.names and depth < _LONGEST_CHAIN:
        return find(outline.module, binding, roots, depth + 1)
    return UNKNOWN


#: What a name stands for: a definition, (module, name) it is imported from, another name, or a value made at run time.
Binding: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | tuple[str, str] | str | None


@dataclass(frozen=True)
class Outline:
    """The names at the top level of a module."""

    module: str
    names: dict[str, list[Binding]]
    stars: tuple[str, ...]
    #: whether it answers for names that are not written in it (``__getattr__``)
    makes_names: bool
    #: names that ``__getattr__`` looks up in a table, and imports when they are asked for
    lazy: frozenset[str] = frozenset()

    @functools.cached_property
    def callables(self) -> tuple[str, ...]:
        """The names of what may be a function: defined here, or imported."""
        may_be = (ast.FunctionDef, ast.AsyncFunctionDef, tuple)
        return tuple(name for name, bound in self.names.items() if any(isinstance(one, may_be) for one in bound))

    @functools.cached_property
    def known(self) -> tuple[str, ...]:
        """All names."""
        return tuple(self.names)


#: More characters than the path of any file has that somebody wrote by hand; each part costs a look at the disk.
_LONGEST_MODULE: Final = 1000


def read(module: str, roots: Roots = ()) -> Outline | MissingDefinition | Unknown:
    """Read the outline of a module; a MissingDefinition when it is certainly not there."""
    if len(module) > _LONGEST_MODULE:
        return MissingDefinition(module)
    top = module.partition(".")[0]
    if not may_be_there(top, roots):
        return MissingDefinition(module, "", _top_level(roots))
    file = module_file(module, roots)
    if file is None:
        return _no_file(module, roots)
    try:
        stamp = file.stat().st_mtime_ns
    except OSError:
        return UNKNOWN
    return _outline(module, str(file), stamp)


@functools.lru_cache(maxsize=512)
def _outline(module: str, file: str, stamp: int) -> Outline | MissingDefinition | Unknown:
    """Read anew when the file's time ``stamp`` changes: a long-lived process checks edited modules."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        return MissingDefinition(module, broken=f"{line}{error.msg}")
    except ValueError:
        return MissingDefinition(module, broken="it holds a NUL character")
    except (OSError, RecursionError, MemoryError):
        return UNKNOWN
    package = module if file.endswith("__init__.py") else module.rpartition(".")[0]
    names: dict[str, list[Binding]] = {}
    stars: list[str] = []
    for statement in _statements(tree.body):
        for name, binding in _bindings(statement, package):
            if name == "*" and isinstance(binding, tuple):
                stars.append(binding[0])
            else:
                names.setdefault(name, []).append(binding)
    lazy = _lazy_names(tree) if "__getattr__" in names else frozenset()
    return Outline(module, names, tuple(stars), lazy is None, lazy or frozenset())


def _lazy_names(tree: ast.Module) -> frozenset[str] | None:
    """List the names that ``__getattr__`` answers for; None when more than one look into a table of texts is done."""
    tables = dict(_tables(tree))
    function = next((one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "__getattr__"), None)
    body = [one for one in function.body if not isinstance(one, (ast.Import, ast.ImportFrom))] if function else []
    if len(body) != 2 or not isinstance(body[0], ast.If) or not isinstance(body[1], ast.Raise) or body[0].orelse:
        return None
    asked = [node.id for node in ast.walk(body[0].test) if isinstance(node, ast.Name) and node.id in tables]
    return tables[asked[0]] if len(asked) == 1 else None


def _tables(tree: ast.Module) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the names of mappings whose keys are all written as texts, with the keys."""
    for statement in tree.body:
        value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
        target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        if isinstance(value, ast.Dict) and isinstance(target, ast.Name):
            keys = [key.value for key in value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
            if len(keys) == len(value.keys):
                yield target.id, frozenset(keys)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield top-level statements, and those inside ``if`` and ``try``."""
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _statements(statement.body)
            yield from _statements(statement.orelse)
        elif isinstance(statement, ast.Try):
            yield from _statements(statement.body)
            for handler in statement.handlers:
                yield from _statements(handler.body)
            yield from _statements(statement.orelse)
        elif isinstance(statement, ast.With):
            yield from _statements(statement.body)
        else:
            yield statement


def _bindings(statement: ast.stmt, package: str) -> Iterator[tuple[str, Binding]]:
    if isinstance(statement, _DEFINITIONS):
        yield statement.name, statement
    elif isinstance(statement, ast.ImportFrom):
        source = _absolute(statement, package)
        for alias in statement.names:
            yield alias.asname or alias.name, (source, alias.name)
    elif isinstance(statement, ast.Import):
        for alias in statement.names:
            yield alias.asname or alias.name.partition(".")[0], None
    elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        value = statement.value.id if isinstance(statement.value, ast.Name) else None
        for target in targets:
            for inner in ast.walk(target):
                if isinstance(inner, ast.Name):
                    yield inner.id, value


def _absolute(statement: ast.ImportFrom, package: str) -> str:
    if not statement.level:
        return statement.module or ""
    parents = package.split(".")
    base = ".".join(parents[: len(parents) - statement.level + 1])
    return f"{base}.{statement.module}" if statement.module else base


def _no_file(module: str, roots: Roots) -> MissingDefinition | Unknown:
    """Return a MissingDefinition only when nothing else could provide the module."""
    path = module.replace(".", "/")
    if any(find_file(path + suffix, roots) for suffix in EXTENSION_SUFFIXES):
        return UNKNOWN
    if module in sys.builtin_module_names or _is_made_by_airflow(module):
        return UNKNOWN
    if any(os.path.isdir(os.path.join(root or ".", path)) for root in (*roots, *sys.path)):
        return UNKNOWN  # a namespace package
    nearest = _installed_part(module, roots)
    return MissingDefinition(module, "", _siblings(nearest, roots) if nearest else _top_level(roots))


def _is_made_by_airflow(module: str) -> bool:
    """Tell whether Airflow answers for an old module name without a file (``airflow.operators.bash``)."""
    if not module.startswith("airflow.") or module.startswith("airflow.providers."):
        return False
    package = _installed_part(module, ())
    file = module_file(package) if package else None
    if file is None:
        return True  # there is no Airflow to ask
    listed = module.removeprefix(f"{package}.").partition(".")[0]
    return f'"{listed}"' in file.read_text(encoding="utf-8", errors="replace")


def _installed_part(module: str, roots: Roots) -> str:
    parent = module.rpartition(".")[0]
    while parent and module_file(parent, roots) is None:
        parent = parent.rpartition(".")[0]
    return parent


def _siblings(package: str, roots: Roots) -> tuple[str, ...]:
    file = module_file(package, roots)
    if file is None or file.name != "__init__.py":
        return ()
    return tuple(f"{package}.{name}" for name in modules_in(file.parent))


def _top_level(roots: Roots) -> tuple[str, ...]:
    return tuple(name for root in roots for name in modules_in(Path(root)))
