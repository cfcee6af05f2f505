"""Files that a file of the project names: ``{$f: sql/day.sql}``, ``include: ../_shared.yaml``.

A path is relative to the file that says it; one that begins with ``/`` is relative to the project's folder. It leads to
no file outside: neither by ``..`` nor by a link.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from airfleet.pipelines.files.project_files import FLEET_FILE


def located(written: str, said_in: str, root: Path) -> Path | None:
    """Give the real path of a file that ``said_in`` names; None when it lies outside the project, whose folder is root.

    Beside the file that says it, it is inside, also where a link leads to both. Raises ValueError for no file's name.
    """
    folder = Path(said_in).parent
    start = root if written.startswith("/") else folder
    real = Path(os.path.realpath(start / written.lstrip("/")))
    return real if any(real.is_relative_to(os.path.realpath(one)) for one in (root, folder)) else None


def outside(written: str, root: Path) -> tuple[str, str | None]:
    """Say that a path leads out of the project; the hint is about a project that is one folder of pipelines alone."""
    hint = "a fleet.yaml in a folder above makes all of that folder the project"
    return f"'{written}' lies outside the project", None if os.path.isfile(root / FLEET_FILE) else hint


def absent(written: str, real: Path, near: Callable[[str], str | None]) -> tuple[str, str | None]:
    """Say that there is no such file; ``near`` finds the name in its folder that is meant."""
    name, folder = near(real.name), written.rpartition("/")[0]
    meant = f"{folder}/{name}" if folder else name
    return f"there is no file '{written}'", f"did you mean '{meant}'?" if name else None
