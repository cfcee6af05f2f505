"""Where a release keeps what its environments are made from, and which environment a pipeline file runs in.

Everything here lies in the release itself, and is written at push::

    .airfleet-python/locks/DIGEST.txt     the lock of one environment
    .airfleet-python/pipelines.json       pipeline file -> DIGEST; "" is all the others
    .airfleet-python/wheels/*.whl         wheels that hosts may lack (`push --vendor`)
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from airfleet.releases.places import Places

FOLDER: Final = ".airfleet-python"
TABLE: Final = f"{FOLDER}/pipelines.json"
WHEELS: Final = f"{FOLDER}/wheels"
#: in the folder of an environment: it is whole, and for whom it was built
MARKER: Final = ".airfleet-environment"
#: the key of the table for every file that has none of its own
OTHERS: Final = ""
#: digits of an environment's digest that people see
SHORT: Final = 12


def lock_path(digest: str) -> str:
    """Name the lock of an environment in a release."""
    return f"{FOLDER}/locks/{digest}.txt"


def python(environment: Path) -> Path:
    """Name the interpreter of an environment."""
    return environment / "bin" / "python"


def is_whole(environment: Path, made_for: str) -> bool:
    """Tell whether an environment is there, and was built for this airfleet and Python."""
    try:
        return (environment / MARKER).read_text(encoding="utf-8") == made_for
    except OSError:
        return False


def table(tree: Path) -> Mapping[str, str]:
    """Read which file of a release runs in which environment; empty for a release without any."""
    try:
        found: dict[str, str] = json.loads((tree / TABLE).read_bytes())
    except FileNotFoundError:
        return {}
    return found


def environment_of(file: Path) -> Path | None:
    """Give the folder of the environment that a pipeline file runs in, whether it is built or not.

    None for a file outside of a release, and for one that runs in the fleet's own Python.
    """
    real = Path(os.path.realpath(file))
    for tree in real.parents:
        if places := Places.around(tree):  # a release that was fetched to elsewhere is a folder like any other
            chosen = _table(tree)
            digest = chosen.get(real.relative_to(tree).as_posix(), chosen.get(OTHERS))
            return places.environment(digest) if digest else None
    return None


@lru_cache(maxsize=64)
def _table(tree: Path) -> Mapping[str, str]:
    """Read the table of a tree once: a tree is named by its content."""
    return table(tree)
