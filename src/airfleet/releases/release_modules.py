"""Modules of several releases in one process: each release has its own, and one of them is to be seen at a time.

A class goes on with the modules that it was imported with. An import inside of a function finds those of the release
that is to be seen when the function runs.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

#: releases whose modules are kept; those of others are imported again
_MOST: Final = 16


def import_from(tree: Path, project: Path) -> None:
    """Have this process import modules from one release, and not from another one or from the folder of the project.

    Processes of a fleet begin in the project's folder, which Python puts on its path; it may be ahead of any release.
    """

    def is_elsewhere(entry: str) -> bool:
        place = Path(entry).absolute()
        return place.is_relative_to(tree.parent) or place == project

    sys.path[:] = [*(entry for entry in sys.path if not is_elsewhere(entry)), str(tree)]


class ReleaseModules:
    """The modules of releases that this process has imported; ``project`` is the folder that it began in."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._kept: dict[Path, dict[str, ModuleType]] = {}
        self._shown: Path | None = None

    def show(self, tree: Path) -> None:
        """Import modules from this release from now on."""
        if tree == self._shown:
            return
        hidden = dict(self._code())
        for name in hidden:
            del sys.modules[name]
        if self._shown is not None:
            self._kept[self._shown] = hidden
        sys.modules.update(self._kept.pop(tree, {}))
        while len(self._kept) > _MOST:
            del self._kept[next(iter(self._kept))]
        import_from(tree, self._project)
        importlib.invalidate_caches()
        self._shown = tree

    def _code(self) -> Iterator[tuple[str, ModuleType]]:
        """Yield the modules of the release that is to be seen; before the first one, those of the project's folder."""
        folder = self._shown or self._project
        for name, module in list(sys.modules.items()):
            place = _place(module)
            if place is not None and place.is_relative_to(folder) and not _is_installed(place):
                yield name, module


def _place(module: ModuleType) -> Path | None:
    """Return the file of a module, or the folder of a package without one."""
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return Path(file)
    folders = list(getattr(module, "__path__", ()))
    return Path(folders[0]) if folders and isinstance(folders[0], str) else None


def _is_installed(place: Path) -> bool:
    """Tell whether a module belongs to Python or to a package: an environment may lie in the project's folder."""
    return place.is_relative_to(sys.prefix) or "site-packages" in place.parts
