"""The files of a release that a parse imported, or whose import a task will ask for.

A helper that changes with a release changes the Dags that import it, although their own files are the same. The modules
of the process tell what was imported. Imports inside functions, and the modules that a YAML file names, are found by
reading.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from airfleet.file_stamps import Stamp, stamp
from airfleet.pipelines.analysis import project_modules
from airfleet.releases import release_files

PYTHON = ".py"


def of(file: Path, bundle: Path, named: Iterable[str]) -> dict[str, Stamp | None]:
    """Return the stamps of what ``file`` imports from its release; nothing for a file of no release.

    ``bundle`` is the folder of pipelines, ``named`` the modules that the file names.
    """
    tree = release_files.tree_of(file)
    if tree is None:
        return {}
    names = {*named, *_imported_by(file)}
    found = set(_loaded(tree, names))
    for root in dict.fromkeys((tree, bundle, file.parent)):
        for name in names:
            found |= {str(root / path) for path in project_modules.sources(name, root)}
    return {path: stamp(path) for path in sorted(found - {str(file)})}


def _imported_by(file: Path) -> Iterator[str]:
    if file.suffix == PYTHON:
        yield from project_modules.imported(file.read_text(encoding="utf-8", errors="replace"), "")


def _loaded(tree: Path, names: set[str]) -> Iterator[str]:
    """Yield the files of this process's modules that are in the release; note their names."""
    inside = f"{tree}/"
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and path.startswith(inside):
            names.add(name)
            yield path
