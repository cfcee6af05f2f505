"""Docstrings of operators and functions, and of their arguments, read from their source."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from pathlib import Path

from airfleet.pipelines.analysis import catalog, modules, short_names
from airfleet.pipelines.analysis.module_files import Roots, module_file
from airfleet.pipelines.analysis.modules import Definition
from airfleet.pipelines.analysis.signatures import Signature
from airfleet.pipelines.upgrade import imports


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
        node = self.definition.node
        own = ast.get_docstring(node)
        if own is None and isinstance(node, ast.ClassDef):
            init = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
            own = ast.get_docstring(init) if init else None
        return own or ""


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
    return dict(operator.signature.parameters) if isinstance(operator, catalog.Operator) else {}


_PARAM = r"^:param(?: \S+)? {name}:(.*(?:\n[ \t]+.*)*)"


def of_argument(source: Source, name: str) -> str:
    """Give the words about one argument in the docstring; empty without any."""
    found = re.search(_PARAM.format(name=re.escape(name)), source.docstring, re.MULTILINE)
    return inspect.cleandoc(found[1]).strip() if found else ""


def summary(docstring: str) -> str:
    """Give a docstring without its list of arguments."""
    return re.split(r"^:param|^\.\. seealso", docstring, maxsplit=1, flags=re.MULTILINE)[0].strip()
