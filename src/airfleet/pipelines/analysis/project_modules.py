"""Modules of a project that a module imports, found by reading: what a container needs to import it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from airfleet.pipelines.analysis.module_files import module_file


def sources(module: str, root: Path) -> Mapping[str, str]:
    """Read ``module`` and everything of the project at ``root`` that it imports, directly or not: relative path → text.

    Installed modules are left out: whoever imports them there has them installed. Imports inside functions count.
    """
    found: dict[str, str] = {}
    pending = [module]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        if "." in name:
            pending.append(name.rpartition(".")[0])  # the packages around a module are imported first
        file = _file_in(name, root)
        if file is not None:
            text = file.read_text(encoding="utf-8", errors="replace")
            found[file.relative_to(root).as_posix()] = text
            pending += imported(text, name if file.name == "__init__.py" else name.rpartition(".")[0])
    return found


def _file_in(module: str, root: Path) -> Path | None:
    """Find the file of a module, if it is one of the project: in its folder, but not installed in it."""
    file = module_file(module, (str(root),))
    if file is None or not file.is_relative_to(root) or "site-packages" in file.parts:
        return None
    return file


def imported(text: str, package: str) -> Iterator[str]:
    """Yield the names that may be modules in the imports of a file, which stands in ``package``."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, package)
            if source:
                yield source
            yield from (f"{source}.{alias.name}" if source else alias.name for alias in node.names)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".") if package else []
    base = ".".join(parents[: len(parents) - node.level + 1])
    return ".".join(part for part in (base, node.module) if part)
