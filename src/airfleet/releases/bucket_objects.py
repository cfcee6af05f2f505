"""Objects in a bucket of S3, Google Cloud Storage or Azure, through fsspec.

A bucket shows an object only when its upload has ended, so a name is never seen with half of its content. Two uploads
of one object write the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from airfleet.errors import FleetError
from airfleet.releases.objects import Damaged, Missing, StoreUnreachable

_CHUNK: Final = 1 << 20
#: what fsspec needs for the address of a bucket
_NEEDED: Final = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


class BucketObjects:
    """Objects below an address such as ``s3://bucket/folder``. The credentials are those of the environment."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._files, self._root = _opened(self._address)

    def missing(self, digests: Collection[str]) -> frozenset[str]:
        """Return those of ``digests`` that the bucket has not."""
        with self._reached():
            return frozenset(digest for digest in digests if not self._files.exists(self._path(digest)))

    def put(self, digest: str, content: Iterable[bytes]) -> None:
        """Upload an object; the bucket has it when the upload ends."""
        with self._reached(), self._files.transaction, self._files.open(self._path(digest), "wb") as file:
            for piece in content:
                file.write(piece)

    def get(self, digest: str) -> Iterator[bytes]:
        """Yield the bytes of an object. Raises Missing."""
        with self._reached():
            try:
                file = self._files.open(self._path(digest), "rb")
            except FileNotFoundError:
                raise Missing(digest) from None
        with file:
            while True:
                with self._reached():
                    piece: bytes = file.read(_CHUNK)
                if not piece:
                    return
                yield piece

    def delete(self, digests: Collection[str]) -> None:
        """Remove objects."""
        with self._reached():
            for digest in digests:
                if self._files.exists(self._path(digest)):
                    self._files.rm_file(self._path(digest))

    def digests(self) -> Iterator[str]:
        """Yield the digest of every object."""
        yield from sorted(path.rpartition("/")[2] for path in self._all())

    def size(self) -> int:
        """Return the bytes of all objects."""
        return sum(int(found["size"]) for found in self._all().values())

    def _all(self) -> dict[str, Any]:
        with self._reached():
            self._files.invalidate_cache()
            found: dict[str, Any] = self._files.find(self._root, detail=True)
            return found

    def _path(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest}"

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (Damaged, Missing, StoreUnreachable):
            raise
        except Exception as error:  # each kind of bucket has errors of its own
            said = " ".join(str(error).split()) or type(error).__name__
            raise StoreUnreachable(f"the bucket of releases {self._address}: {said}") from error


def _opened(address: str) -> tuple[Any, str]:
    import fsspec  # late: only fleets with a bucket need it

    kind = address.partition("://")[0]
    options = {"auto_mkdir": True} if kind == "file" else {"use_listings_cache": False}
    try:
        files, root = fsspec.core.url_to_fs(address, **options)
    except (ImportError, ValueError) as error:
        needed = _NEEDED.get(kind)
        hint = f"pip install {needed}" if needed else f"known are {', '.join(sorted(_NEEDED))}"
        raise FleetError(f"releases cannot be kept in {address}: {error}", hint) from error
    return files, str(root).rstrip("/")
