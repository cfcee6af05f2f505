"""Where results go: a folder, or an object store that speaks S3 (:mod:`air_quality.s3`).

A job's result is one *dataset*: files under ``<bucket>/<folder>/`` and a ``manifest.json`` that
names each of them with rows, bytes and SHA-256. Publishing puts the files first, then the manifest,
then removes what only the former manifest named; repeating it changes nothing. A file in a folder
is renamed into place, an object appears whole, so a reader never meets half of one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from air_quality.errors import StoreError
from air_quality.run import replacing_file

MANIFEST = "manifest.json"


class Store(Protocol):
    """A place for one dataset; names are relative, with ``/``."""

    @property
    def address(self) -> str:
        """How a person finds it."""

    def put(self, path: Path, name: str) -> None:
        """Keep a copy of the file under ``name``, whole or not at all."""

    def read(self, name: str) -> bytes | None:
        """What is kept under ``name``; None when there is nothing."""

    def remove(self, name: str) -> None:
        """Forget ``name``; nothing happens when it is not there."""


@dataclass(frozen=True)
class FolderStore:
    """A dataset in a folder."""

    root: Path

    @property
    def address(self) -> str:
        """The folder."""
        return str(self.root)

    def put(self, path: Path, name: str) -> None:
        """Copy beside the final name, then rename."""
        with replacing_file(self.root / name) as new:
            shutil.copyfile(path, new)

    def read(self, name: str) -> bytes | None:
        """The file's bytes."""
        path = self.root / name
        return path.read_bytes() if path.is_file() else None

    def remove(self, name: str) -> None:
        """Remove the file, and the folders that are empty then."""
        path = self.root / name
        path.unlink(missing_ok=True)
        for parent in path.relative_to(self.root).parents:
            folder = self.root / parent
            if folder == self.root or not folder.is_dir() or any(folder.iterdir()):
                break
            folder.rmdir()


@dataclass(frozen=True)
class Account:
    """How to reach an object store; what is None is left to boto3's own search."""

    access_key: str | None = None
    secret_key: str | None = None
    endpoint_url: str | None = None
    region: str | None = None
    #: used instead of the job's bucket
    bucket: str | None = None


def publish(store: Store, files: Mapping[str, Path], manifest: Mapping[str, Any], scratch: Path) -> list[str]:
    """Make ``files`` (by name) and ``manifest`` the dataset; names of earlier files that were removed."""
    former = _names(store.read(MANIFEST))
    for name, path in files.items():
        store.put(path, name)
    written = scratch / MANIFEST
    written.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    store.put(written, MANIFEST)
    stale = sorted(former - set(files))
    for name in stale:
        store.remove(name)
    return stale


def _names(manifest: bytes | None) -> set[str]:
    """The files that a manifest names; a name that leads elsewhere is not ours."""
    if manifest is None:
        return set()
    try:
        names = {str(entry["name"]) for entry in json.loads(manifest)["files"]}
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the {MANIFEST} that is there is not one of ours: {error}") from error
    return {name for name in names if not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts}
