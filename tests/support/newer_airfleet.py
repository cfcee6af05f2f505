"""A copy of airfleet with the next version, as the next release would be."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path

import airfleet


def newer_airfleet(folder: Path) -> Path:
    """Copy the package with the next version; give the folder that Python finds it in."""
    package = Path(airfleet.__file__).parent
    shutil.copytree(package, folder / "airfleet", ignore=shutil.ignore_patterns("__pycache__"))
    head = folder / "airfleet" / "__init__.py"
    head.write_text(head.read_text().replace('"0.1.0"', '"0.1.1"'))
    info = folder / "airfleet-0.1.1.dist-info"
    info.mkdir()
    found = metadata.distribution("airfleet")
    for name in ("METADATA", "entry_points.txt"):
        (info / name).write_text((found.read_text(name) or "").replace("Version: 0.1.0", "Version: 0.1.1"))
    return folder
