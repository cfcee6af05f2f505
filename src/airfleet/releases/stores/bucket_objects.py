"""Objects in a bucket of S3, Google Cloud Storage or Azure, through fsspec.

A bucket shows an object only when its upload has ended, so a name is never seen with half of its content. Two uploads
of one object write the same bytes.

Each client has timeouts and retries of its own, some of them for minutes. So each request has a deadline here, after
which the bucket counts as away. An object is read in ranges: no client holds more of it than one.
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Final

from airfleet.errors import FleetError
from airfleet.releases.stores.objects import Damaged, Missing, StoreUnreachable

_CHUNK: Final = 4 << 20
_FEW: Final = 32
#: seconds for a question, for a chunk of an object that is read, and for the list of all objects
_ASK_SECONDS, _READ_SECONDS, _LIST_SECONDS = 20.0, 40.0, 120.0
#: bytes in a second of the slowest upload that is waited for
_SLOWEST: Final = 100_000
_OBJECT: Final = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})")
#: what fsspec needs for the address of a bucket
_NEEDED: Final = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


class BucketObjects:
    """Objects below an address such as ``s3://bucket/folder``. The credentials are those of the environment."""

    #: objects that are uploaded or read at once
    threads = 16

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        with self._reached():
            self._files, self._root = _opened(self._address)

    def missing(self, digests: Collection[str]) -> frozenset[str]:
        """Return those of ``digests`` that the bucket has not: a few are asked for, for many the bucket is listed."""
        if len(digests) > _FEW:
            return frozenset(digests).difference(self.digests())
        with ThreadPoolExecutor(self.threads) as several:
            found = several.map(self._size, digests)
            return frozenset(digest for digest, size in zip(digests, found, strict=True) if size is None)

    def put(self, digest: str, content: Iterable[bytes]) -> None:
        """Upload an object from a file that is whole: an upload that breaks off leaves nothing in the bucket."""
        with tempfile.NamedTemporaryFile(prefix="airfleet-object-") as beside:
            beside.writelines(content)
            beside.flush()
            seconds = _READ_SECONDS + beside.tell() / _SLOWEST
            with self._reached():
                self._call("put_file", beside.name, self._path(digest), seconds=seconds)

    def get(self, digest: str) -> Iterator[bytes]:
        """Yield the bytes of an object. Raises Missing."""
        size = self._size(digest)
        if size is None:
            self._require_bucket()
            raise Missing(digest)
        for start in range(0, size, _CHUNK):
            with self._reached():
                end = min(size, start + _CHUNK)
                piece: bytes = self._call("cat_file", self._path(digest), start=start, end=end, seconds=_READ_SECONDS)
            yield piece

    def delete(self, digests: Collection[str]) -> None:
        """Remove objects."""
        with ThreadPoolExecutor(self.threads) as several:
            list(several.map(self._delete, digests))

    def digests(self) -> Iterator[str]:
        """Yield the digest of every object."""
        yield from sorted(self._all())

    def size(self) -> int:
        """Return the bytes of all objects."""
        return sum(self._all().values())

    # --- requests ----------------------------------------------------------------------------------

    def _size(self, digest: str) -> int | None:
        """Return the bytes of one object; None when the bucket has not got it."""
        with self._reached():
            try:
                return int(self._call("info", self._path(digest))["size"])
            except FileNotFoundError:
                return None

    def _delete(self, digest: str) -> None:
        with self._reached(), suppress(FileNotFoundError):  # some buckets say so, others are silent
            self._call("rm_file", self._path(digest))

    def _all(self) -> dict[str, int]:
        """Return each object with its bytes; what else lies in the bucket is not ours."""
        with self._reached():
            self._files.invalidate_cache()
            found = self._call("find", self._root, detail=True, seconds=_LIST_SECONDS)
        named = ((_OBJECT.fullmatch(path.removeprefix(f"{self._root}/")), about) for path, about in found.items())
        return {name[1]: int(about["size"]) for name, about in named if name}

    def _require_bucket(self) -> None:
        """Raise StoreUnreachable when the bucket itself is not there, so that it is no object that is missing."""
        bucket = self._root.partition("/")[0]
        with self._reached(), suppress(PermissionError):  # who may read objects may not always ask for the bucket
            try:
                if bucket:
                    self._call("info", bucket)
            except FileNotFoundError:
                why = f"there is no bucket '{bucket}'"
                raise StoreUnreachable(f"the bucket of releases {self._address}: {why}") from None

    def _call(self, name: str, *arguments: Any, seconds: float = _ASK_SECONDS, **options: Any) -> Any:
        """Call a method of the client, and give it so many seconds where it can be stopped."""
        if not self._files.async_impl:
            return getattr(self._files, name)(*arguments, **options)
        from fsspec.asyn import sync

        return sync(self._files.loop, getattr(self._files, f"_{name}"), *arguments, timeout=seconds, **options)

    def _path(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest}"

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (Damaged, FleetError, Missing, StoreUnreachable):
            raise
        except TimeoutError as late:
            raise StoreUnreachable(f"the bucket of releases {self._address}: no answer in time") from late
        except Exception as error:  # each kind of bucket has errors of its own
            said = " ".join(str(error).split()) or type(error).__name__
            raise StoreUnreachable(f"the bucket of releases {self._address}: {said}") from error


def _opened(address: str) -> tuple[Any, str]:
    import fsspec  # late: only fleets with a bucket need it

    needed = _NEEDED.get(address.partition("://")[0])
    if needed:
        # Else it writes its retries, with tracebacks, to where people read; the last error is said in a sentence.
        logging.getLogger(needed).addHandler(logging.NullHandler())
    try:
        files, root = fsspec.core.url_to_fs(address, use_listings_cache=False, skip_instance_cache=True)
    except (ImportError, ValueError) as error:
        raise FleetError(f"releases cannot be kept in {address}: {error}", _hint(needed, error)) from error
    return files, str(root).rstrip("/")


def _hint(needed: str | None, error: Exception) -> str:
    if needed is None:
        return f"known are {', '.join(sorted(_NEEDED))}"
    if isinstance(error, ImportError):
        return f"pip install {needed}"
    return f"its credentials belong into the environment, as {needed} describes them"
