"""The manifest in the tree of a release, read once: a tree never changes."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from airfleet.releases import manifest
from airfleet.releases.places import MANIFEST


@dataclass(frozen=True)
class _Contents:
    pipelines: str
    #: digest of each file, by its path below the tree
    digests: Mapping[str, str]


def pipelines(tree: Path) -> str | None:
    """Name the folder of pipelines of a release; None for a tree that is not here."""
    contents = _contents(tree)
    return contents.pipelines if contents else None


def tree_of(path: Path) -> Path | None:
    """Find the tree that a file is in; None for a file of no release."""
    return next((folder for folder in path.parents if os.path.isfile(folder / MANIFEST)), None)


def digest(tree: Path, files: Iterable[str]) -> str:
    """Return one digest for the contents of some files of a release, which are named by their full paths.

    A file that the release has not counts, too: what looked for it reads another one when it comes.
    """
    contents = _contents(tree)
    digests = contents.digests if contents else {}
    inside = sorted({os.path.relpath(file, tree) for file in files if Path(file).is_relative_to(tree)})
    return hashlib.sha256(json.dumps([[file, digests.get(file)] for file in inside]).encode()).hexdigest()


def _contents(tree: Path) -> _Contents | None:
    try:
        return _read(tree)
    except OSError:
        return None


@functools.lru_cache(maxsize=4)
def _read(tree: Path) -> _Contents:
    found = manifest.decode((tree / MANIFEST).read_bytes())
    return _Contents(found.pipelines, {file.path: file.digest for file in found.files})
