"""A bundle: one file with every wheel of a fleet, for a deploy from a machine that reaches no registry either.

::

    with a network      lock ──> wheels ──> bundle      airfleet deploy --save-bundle FILE
    without one         bundle ──> hosts                airfleet deploy --bundle FILE

It is a tar archive, so that people can look into it, and install airfleet from it where they deploy from.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Final

from airfleet.deploy.remote import File, Files
from airfleet.deploy.wheel import Wheel
from airfleet.errors import FleetError

_RECORD: Final = "bundle.json"
LOCK: Final = "hosts.lock"
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
                _add(archive, name, file)
        part.replace(path)
    except OSError as wrong:
        part.unlink(missing_ok=True)
        raise FleetError(f"{path} cannot be written: {wrong.strerror}") from None


def _add(archive: tarfile.TarFile, name: str, file: File) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o644
    content = file.content
    entry.size = content.stat().st_size if isinstance(content, Path) else len(content)
    with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as source:
        archive.addfile(entry, source)


def read(path: Path) -> Bundle:
    """Read a bundle; uv on the hosts proves each wheel by its hash. Raises FleetError."""
    try:
        with tarfile.open(path, "r:") as archive:
            content = dict(_contents(archive))
        kind = Kind(**json.loads(content[_RECORD]))
        lock = content[LOCK].decode()
    except OSError as wrong:
        raise FleetError(f"{path} cannot be read: {wrong.strerror}") from None
    except (tarfile.TarError, KeyError, TypeError, ValueError):
        raise FleetError(f"{path} is no bundle of airfleet", hint=_AGAIN) from None
    return Bundle(kind, lock, _wheels(content))


def _wheels(content: Mapping[str, bytes]) -> Files:
    return {name: File(data) for name, data in content.items() if name.startswith("wheels/")}


def _contents(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for entry in archive:
        opened: IO[bytes] | None = archive.extractfile(entry)
        if opened is not None:
            yield entry.name, opened.read()
