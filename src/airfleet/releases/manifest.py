"""The manifest of a release: its files, and the digest that is the release's name.

The canonical form is JSON with sorted keys and files in the order of their paths, without anything that two machines
could see differently: no times, no owners, and of the mode the executable bit alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

FORMAT: Final = 1
#: characters of a digest that people see; the least that they have to give
SHORT, LEAST = 12, 6


@dataclass(frozen=True, order=True)
class File:
    """One file: its path below the root with slashes, its content's SHA-256 in hexadecimal, its size in bytes."""

    path: str
    digest: str
    size: int
    executable: bool = False


@dataclass(frozen=True)
class Manifest:
    """The contents of a release. ``pipelines`` is the folder of pipelines below the root."""

    files: tuple[File, ...]
    pipelines: str = "pipelines"
    #: path of a file of requirements -> digest of the environment that it was resolved to
    environments: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """The release's name: 64 hexadecimal digits."""
        return hashlib.sha256(self.encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def encode(self) -> bytes:
        """Return the canonical form.

        >>> Manifest((File("b", "0" * 64, 1), File("a", "0" * 64, 1))) .encode() == Manifest(
        ...     (File("a", "0" * 64, 1), File("b", "0" * 64, 1))).encode()
        True
        """
        return json.dumps(self._as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def _as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "pipelines": self.pipelines,
            "environments": dict(self.environments),
            "files": [[file.path, file.digest, file.size, int(file.executable)] for file in sorted(self.files)],
        }


def decode(content: bytes) -> Manifest:
    """Read the canonical form. Raises ValueError when it is no manifest of this format."""
    found = json.loads(content)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError("not a manifest of a release")
    files = tuple(File(path, digest, size, bool(executable)) for path, digest, size, executable in found["files"])
    return Manifest(files, found["pipelines"], found["environments"])


def by_path(files: Iterable[File]) -> dict[str, File]:
    """Give files by their paths."""
    return {file.path: file for file in files}
