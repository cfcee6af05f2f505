"""A project that reaches a fleet by a push alone: its files are in the folder of the fleet only for the push."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from airfleet.testing.fleet import FleetUnderTest

#: of a project, these stay: a host has its own
STAYS = shutil.ignore_patterns("fleet*.yaml", ".airfleet", "__pycache__")


def push(fleet: FleetUnderTest, project: Path, *words: str) -> str:
    """Push the files of another project folder, and leave none of them here; return the digest of the release."""
    shutil.copytree(project, fleet.root, ignore=STAYS, dirs_exist_ok=True)
    try:
        done = fleet.airfleet("push", "-o", "json", *words)
    finally:
        for name in _travelling(project):
            _remove(fleet.root / name)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return str(json.loads(done.stdout)["digest"])


def _travelling(project: Path) -> set[str]:
    names = [path.name for path in project.iterdir()]
    return set(names) - STAYS(str(project), names)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
