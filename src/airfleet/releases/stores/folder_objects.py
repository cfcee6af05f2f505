"""Objects in a folder, such as one that hosts share: a file each, written beside and renamed."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from airfleet.releases.stores.objects import Missing, StoreUnreachable

_CHUNK: Final = 1 << 20
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class FolderObjects:
    """Objects below ``root``, which is made when it is first written to."""

    #: objects that are written or read at once: each is flushed to the disk
    threads = 8

    def __init__(self, root: Path) -> None:
        self._root = root

    def missing(self, digests: Collection[str]) -> frozenset[str]:
        """Return those of ``digests`` that the folder has not."""
        with _reached(self._root):
            return frozenset(digest for digest in digests if not self._path(digest).exists())

    def put(self, digest: str, content: Iterable[bytes]) -> None:
        """Write an object beside its place, to the disk, and rename it."""
        path = self._path(digest)
        with _reached(self._root):
            if path.exists():
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, beside = tempfile.mkstemp(prefix=".", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    for piece in content:
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                os.rename(beside, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(beside)
                raise

    def get(self, digest: str) -> Iterator[bytes]:
        """Yield the bytes of an object. Raises Missing."""
        with _reached(self._root):
            try:
                file = open(self._path(digest), "rb")  # noqa: SIM115 - closed below, after the last piece
            except FileNotFoundError:
                raise Missing(digest) from None
        with file:
            while True:
                with _reached(self._root):
                    piece = file.read(_CHUNK)
                if not piece:
                    return
                yield piece

    def delete(self, digests: Collection[str]) -> None:
        """Remove objects."""
        with _reached(self._root):
            for digest in digests:
                self._path(digest).unlink(missing_ok=True)

    def digests(self) -> Iterator[str]:
        """Yield the digest of every object."""
        yield from sorted(path.name for path in self._files())

    def size(self) -> int:
        """Return the bytes of all objects."""
        with _reached(self._root):
            return sum(path.stat().st_size for path in self._files())

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest

    def _files(self) -> Iterator[Path]:
        return (path for path in self._root.glob("??/*") if _DIGEST.fullmatch(path.name))


@contextmanager
def _reached(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnreachable(f"the folder of releases {root}: {error.strerror or error}") from error
