"""A host, as the rest of this room sees it: something that runs a shell script, with a stream of files as its input."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from airfleet.errors import FleetError


@dataclass(frozen=True)
class File:
    """A file on its way to a host: what it holds, or the file here that does."""

    content: bytes | Path
    mode: int = 0o600


Files = Mapping[str, File]


@dataclass(frozen=True)
class Answer:
    """The end of a script."""

    code: int
    out: str = ""
    err: str = ""

    @property
    def last_line(self) -> str:
        """The last thing that it said, for a sentence."""
        lines = [line.strip() for line in (self.err.strip() or self.out.strip()).splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.code}"


class Unreachable(FleetError):
    """A host cannot be reached; the sentence says why, without the name of the host."""


class Remote(Protocol):
    """One host."""

    @property
    def name(self) -> str:
        """The name in fleet.yaml."""
        ...

    def run(self, script: str, files: Files | None = None, seconds: float = 60.0) -> Answer:
        """Run a script of ``sh``, and give it files as a compressed tar stream. Raises Unreachable."""
        ...

    def shown(self, script: str) -> str:
        """Write the command as a person would type it."""
        ...


def write_tar(files: Files, stream: IO[bytes]) -> None:
    """Write files as a compressed tar stream, each with its mode."""
    with (
        gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        for name, file in files.items():
            add_file(archive, name, file, file.mode)


def add_file(archive: tarfile.TarFile, name: str, file: File, mode: int) -> None:
    """Add a file to an archive, whether its content is here or on disk. Raises OSError."""
    content = file.content
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = content.stat().st_size if isinstance(content, Path) else len(content), mode
    with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as source:
        archive.addfile(entry, source)
