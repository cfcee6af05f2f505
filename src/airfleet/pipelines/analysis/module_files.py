"""Where the source of a Python module stands: in the project, on ``sys.path``, or where an import hook says.

Nothing is imported.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import stat
import sys
from pathlib import Path
from typing import TypeAlias

#: Folders that are searched before ``sys.path``.
Roots: TypeAlias = tuple[str, ...]


def module_file(module: str, roots: Roots = ()) -> Path | None:
    """Return the source file that importing ``module`` would read, looked for in ``roots`` and then ``sys.path``."""
    path = module.replace(".", "/")
    if not path or path.startswith("/"):
        return None
    return _first((f"{path}/__init__.py", f"{path}.py"), roots) or _by_finder(module)


def may_be_there(top: str, roots: Roots = ()) -> bool:
    """Tell whether anything could provide a module of this top name: one look at each folder, whatever the module."""
    for folder in (*roots, *sys.path):
        names = _names_in(folder or ".")
        if names is None or top in names:
            return True
    return bool(_package_folders(top)) or top in sys.builtin_module_names


def _names_in(folder: str) -> frozenset[str] | None:
    """List the names in a folder, up to their first dot; None for a place that is no folder and may hold modules."""
    try:
        found = os.stat(folder)
    except (OSError, ValueError):
        return frozenset()
    return _listed(folder, found.st_mtime_ns) if stat.S_ISDIR(found.st_mode) else None


@functools.lru_cache(maxsize=64)
def _listed(folder: str, _stamp: int) -> frozenset[str] | None:
    try:
        return frozenset(name.partition(".")[0] for name in os.listdir(folder))
    except OSError:
        return None


def find_file(relative: str, roots: Roots = ()) -> Path | None:
    """Find the first file with this relative path in ``roots`` and ``sys.path``."""
    return _first((relative,), roots)


def _first(candidates: tuple[str, ...], roots: Roots) -> Path | None:
    """Find the first folder that has one of the candidates, as an import does; in a folder, their order counts."""
    for root in (*roots, *sys.path):
        for relative in candidates:
            file = os.path.join(root or ".", relative)
            if os.path.isfile(file):  # also false for a name that no file can have, whatever its length
                return Path(file)
    return None


@functools.cache
def _by_finder(module: str) -> Path | None:
    """Ask import hooks, which alone know editable installs. Asking for the top package imports nothing."""
    top, _, rest = module.partition(".")
    for folder in _package_folders(top):
        inner = Path(folder, *rest.split(".")) if rest else Path(folder)
        for file in (inner / "__init__.py", inner.with_name(f"{inner.name}.py")):
            if rest and os.path.isfile(file):
                return file
    return None


@functools.cache
def _package_folders(top: str) -> tuple[str, ...]:
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, OSError):
        return ()
    return tuple(spec.submodule_search_locations or ()) if spec else ()


def modules_in(folder: Path) -> tuple[str, ...]:
    """List the names of the modules and packages in a folder."""
    try:
        return _modules_in(folder, folder.stat().st_mtime_ns)
    except OSError:
        return ()


@functools.lru_cache(maxsize=64)
def _modules_in(folder: Path, _stamp: int) -> tuple[str, ...]:
    return tuple(
        entry.stem
        for entry in sorted(folder.iterdir())
        if (entry.suffix == ".py" and entry.stem.isidentifier() and entry.stem != "__init__")
        or (entry / "__init__.py").is_file()
    )
