"""Where the source of a Python module stands: in the project, on ``sys.path``, or where an import hook says.

Nothing is imported.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from pathlib import Path
from typing import TypeAlias

#: Folders that are searched before ``sys.path``.
Roots: TypeAlias = tuple[str, ...]


def module_file(module: str, roots: Roots = ()) -> Path | None:
    """The source file that importing ``module`` would read, looked for in ``roots`` and then ``sys.path``."""
    path = module.replace(".", "/")
    if not path or path.startswith("/"):
        return None
    return find_file(f"{path}/__init__.py", roots) or find_file(f"{path}.py", roots) or _by_finder(module)


def find_file(relative: str, roots: Roots = ()) -> Path | None:
    """The first file with this relative path in ``roots`` and ``sys.path``."""
    for root in (*roots, *sys.path):
        file = os.path.join(root or ".", relative)
        if os.path.isfile(file):  # also false for a name that no file can have, whatever its length
            return Path(file)
    return None


@functools.cache
def _by_finder(module: str) -> Path | None:
    """For packages that only an import hook knows (editable installs). Asking for the top package imports nothing."""
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


def modules_in(folder: Path) -> list[str]:
    """The names of the modules and packages in a folder."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []
    return [
        entry.stem
        for entry in entries
        if (entry.suffix == ".py" and entry.stem.isidentifier() and entry.stem != "__init__")
        or (entry / "__init__.py").is_file()
    ]
