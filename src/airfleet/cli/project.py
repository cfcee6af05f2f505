"""Which project folder a command is about, and where its fleet lives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airfleet.errors import FleetError
from airfleet.fleet import paths

FLEET_FILE = "fleet.yaml"


@dataclass(frozen=True)
class Project:
    """A folder with a fleet.yaml."""

    root: Path
    environ: Mapping[str, str]

    @property
    def fleet_file(self) -> Path:
        return self.root / FLEET_FILE

    @property
    def paths(self) -> paths.Paths:
        """Where the fleet of this project keeps its things."""
        return paths.of(self.root, self.environ)


def find(folder: Path | None, env: str | None = None) -> Project:
    """The project in ``folder``, or in the nearest ancestor of the working directory.

    ``env`` names the overlay of its fleet.yaml; without it, ``AIRFLEET_ENV`` does.

    Raises:
        FleetError: there is none.
    """
    found = _given(folder) if folder is not None else nearest(Path.cwd())
    if found is None:
        raise FleetError(
            f"no {FLEET_FILE} in {Path.cwd()} or a folder above it",
            hint="airfleet init makes a project here; -C DIR names one elsewhere",
        )
    return Project(found, {**os.environ, "AIRFLEET_ENV": env} if env else os.environ)


def nearest(start: Path) -> Path | None:
    """The nearest of ``start`` and its ancestors that has a fleet.yaml."""
    for folder in (start, *start.parents):
        if (folder / FLEET_FILE).is_file():
            return folder
    return None


def _given(folder: Path) -> Path:
    if not folder.is_dir():
        raise FleetError(f"no such project folder: {folder}", hint=f"airfleet init {folder}")
    if not (folder / FLEET_FILE).is_file():
        raise FleetError(f"no {FLEET_FILE} in {folder}", hint=f"airfleet init {folder}")
    return folder.absolute()
