"""Docstrings of operators and functions, and of their arguments, read from their source."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from airfleet.pipelines.analysis import catalog, modules, short_names
from airfleet.pipelines.analysis.constructors import Maker, maker
from airfleet.pipelines.analysis.module_files import Roots, module_file
from airfleet.pipelines.analysis.modules import Definition
from airfleet.pipelines.analysis.signatures import ROOTS_OF_OPERATORS, Signature, base_name
from airfleet.pipelines.upgrade import imports
from airfleet.yaml.nodes import Mapping, Scalar


@dataclass(frozen=True)
class Source:
    """A class or function, its file, and the line on which it begins, from 1."""

    definition: Definition
    file: Path | None

    @property
    def line(self) -> int:
        """The line on which it begins, from 1."""
        return self.definition.node.lineno

    @property
    def docstring(self) -> str:
        """The docstring, without its indentation; empty without one."""
        return next(_docstrings(self.definition), "")


def _docstrings(definition: Definition) -> Iterator[str]:
    """Yield the docstrings of a function, or of a class and of its constructor."""
    node = definition.node
    inits = node.body if isinstance(node, ast.ClassDef) else []
    init = next((one for one in inits if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
    yield from (text for one in (node, init) if one is not None and (text := ast.get_docstring(one)))


def source_of(uses: str, roots: Roots) -> Source | None:
    """Find the class or function behind ``uses``; None when there is none that can be read."""
    if ":" in uses:
        module, _, name = uses.partition(":")
    else:
        path = short_names.resolve(uses)
        if path is None:
            return None
        module, _, name = imports.now(path).rpartition(".")
    found = modules.find(module, name, roots)
    return Source(found, module_file(found.module, roots)) if isinstance(found, Definition) else None


def arguments_of(uses: str, roots: Roots) -> dict[str, bool]:
    """List the arguments that stand under ``with``, and whether each must be given."""
    if ":" in uses:
        module, _, name = uses.partition(":")
        found = catalog.function(module, name, roots)
        return dict(found.parameters) if isinstance(found, Signature) else {}
    path = short_names.resolve(uses)
    operator = catalog.operator(imports.now(path), roots) if path else None
    if isinstance(operator, catalog.Operator) and operator.is_operator and operator.signature.parameters:
        return dict(operator.signature.parameters)
    made = maker(imports.now(path), roots) if path else None
    takes = made.takes if isinstance(made, Maker) else None
    return {name: name in takes.required for name in takes.annotations} if takes is not None else {}


def named_by(mapping: Mapping) -> str | None:
    """Give the class or function whose arguments stand under ``with`` of a mapping; None where none is named."""
    uses, new = mapping.get("uses"), mapping.get("$new")
    if isinstance(uses, Scalar):
        return uses.text
    if not isinstance(new, Scalar):
        return None
    module, _, name = new.text.replace(":", ".").rpartition(".")
    return f"{module}.{name}" if name[:1].isupper() else f"{module}:{name}"


_PARAM: Final = re.compile(r"^:param(?: [^:\n]*?)? ?\*{0,2}(\w+):(.*(?:\n[ \t]+.*|\n(?=\n[ \t]))*)", re.MULTILINE)


def of_argument(source: Source, name: str, roots: Roots = ()) -> str:
    """Give the words about one argument in the docstring of a class or of what it comes from; empty without any."""
    return of_arguments(source, roots).get(name, "")


def of_arguments(source: Source, roots: Roots = ()) -> AbstractMapping[str, str]:
    """Give the words about each argument that a docstring describes, of a class or of what it comes from."""
    found = (source.definition, *_bases(source.definition, roots))
    words: dict[str, str] = {}
    for definition in reversed(found):
        for docstring in reversed([*_docstrings(definition)]):
            words |= {one[1]: as_markdown(inspect.cleandoc(one[2])) for one in _PARAM.finditer(docstring)}
    return words


#: how far the bases of a class are followed
_MOST_BASES: Final = 12


def _bases(definition: Definition, roots: Roots, depth: int = 0) -> Iterator[Definition]:
    """Yield what a class comes from, nearest first, up to what every operator has."""
    node = definition.node
    names = [base_name(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
    for name in names if depth < _MOST_BASES else ():
        base = modules.find(definition.module, name, roots)
        if isinstance(base, Definition) and name not in ROOTS_OF_OPERATORS:
            yield base
            yield from _bases(base, roots, depth + 1)


def summary(docstring: str) -> str:
    """Give a docstring without its list of arguments."""
    text = re.split(r"^:param|^:return|^\.\. ", docstring, maxsplit=1, flags=re.MULTILINE)[0]
    return as_markdown(text.strip())


_ROLE: Final = re.compile(r":(?:\w+:)?\w+:`([^`]*)`")
_LINK: Final = re.compile(r"`([^`<]+?)\s*<([^`>]+)>`_{1,2}")


def as_markdown(text: str) -> str:
    """Write the roles and links of a docstring as Markdown.

    >>> as_markdown("a :class:`~airflow.models.Pool`, see `the guide <https://a.example>`__")
    'a `Pool`, see [the guide](https://a.example)'
    """
    return _LINK.sub(r"[\1](\2)", _ROLE.sub(lambda role: f"`{_shown(role[1])}`", text)).strip()


def _shown(target: str) -> str:
    """Give what a role of a docstring shows: the title before ``<target>``, or after ``~`` the last name alone."""
    title = target.partition("<")[0].strip()
    return title.rpartition(".")[2] if title.startswith("~") else title
