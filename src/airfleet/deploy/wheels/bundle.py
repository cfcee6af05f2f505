"""A bundle: one file with every wheel of a fleet, for a deploy from a machine that reaches no registry either.

::

    with a network      lock ──> wheels ──> bundle      airfleet deploy --save-bundle FILE
    without one         bundle ──> hosts                airfleet deploy --bundle FILE

It is a tar archive, so that people can look into it, and install airfleet from it where they deploy from.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from airfleet.deploy.remote import File, Files, add_file
from airfleet.deploy.wheel import Wheel
from airfleet.errors import FleetError

_RECORD: Final = "bundle.json"
LOCK: Final = "hosts.lock"
_WHEELS: Final = "wheels/"
_AGAIN: Final = "airfleet deploy --save-bundle FILE, on a machine that has a network"


@dataclass(frozen=True)
class Kind:
    """The hosts that a bundle is for."""

    #: the minor version of Python
    python: str
    #: as ``uname -m`` says it
    machine: str


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read."""

    kind: Kind
    lock: str = field(repr=False)
    #: ``wheels/NAME`` -> file
    wheels: Files = field(repr=False)

    def wheels_for(self, locked: str, kind: Kind) -> Files:
        """Give the wheels of a lock for hosts of a kind. Raises FleetError when it was made for others."""
        if self.kind != kind:
            raise FleetError(
                f"the bundle is for Python {self.kind.python} on {self.kind.machine}, and the hosts need "
                f"Python {kind.python} on {kind.machine}",
                hint=_AGAIN,
            )
        if self.lock != locked:
            raise FleetError("the bundle was made of another lock than this airfleet has", hint=_AGAIN)
        return self.wheels


def write(path: Path, kind: Kind, locked: str, own: Wheel, wheels: Files) -> None:
    """Write a bundle, whole or not at all. Raises FleetError."""
    files = {
        _RECORD: File(json.dumps(asdict(kind)).encode()),
        LOCK: File(locked.encode()),
        own.file_name: File(own.content),
        **wheels,
    }
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with tarfile.open(part, "w") as archive:
            for name, file in files.items():
                add_file(archive, name, file, 0o644)
        part.replace(path)
    except OSError as wrong:
        part.unlink(missing_ok=True)
        raise FleetError(f"{path} cannot be written: {wrong.strerror}") from None


def read(path: Path, folder: Path) -> Bundle:
    """Read a bundle, and put its wheels into a folder; uv on the hosts proves each by its hash. Raises FleetError."""
    try:
        with tarfile.open(path, "r:") as archive:
            kind = Kind(**json.loads(_content(archive, _RECORD)))
            lock = _content(archive, LOCK).decode()
            wheels = {entry.name: _taken_out(archive, entry, folder) for entry in archive if _is_wheel(entry)}
    except OSError as wrong:
        raise FleetError(f"{path} cannot be read: {wrong.strerror}") from None
    except (tarfile.TarError, KeyError, TypeError, ValueError):
        raise FleetError(f"{path} is no bundle of airfleet", hint=_AGAIN) from None
    return Bundle(kind, lock, wheels)


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    """Read a small file. Raises KeyError when there is none."""
    opened = archive.extractfile(name)
    if opened is None:
        raise KeyError(name)
    return opened.read()


def _is_wheel(entry: tarfile.TarInfo) -> bool:
    return entry.isfile() and entry.name.startswith(_WHEELS)


def _taken_out(archive: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> File:
    """Put a wheel into the folder, whatever folders its name has."""
    target = folder / PurePosixPath(entry.name).name
    opened = archive.extractfile(entry)
    assert opened is not None, "it is a file"
    with opened, target.open("wb") as file:
        shutil.copyfileobj(opened, file)
    return File(target)
