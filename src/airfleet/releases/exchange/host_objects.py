"""Objects of releases on another host, which its api-server gives: to read only."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from airfleet.releases.exchange import protocol
from airfleet.releases.stores.database_objects import batched
from airfleet.releases.stores.objects import Missing, StoreUnreachable
from airfleet.system import http_client
from airfleet.system.http_client import OpenHttpAnswer, Timeouts

#: seconds that a server may take to take the connection, and for each piece of an answer
_TIMEOUTS: Final = Timeouts(2.0, 15.0)
_CHUNK: Final = 1 << 20
_REFUSALS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class HostObjects:
    """Objects of the host whose api-server has this URL, below which Airflow lies; ``key`` signs the requests."""

    def __init__(self, url: str, key: str, now: Callable[[], float] = time.time) -> None:
        self._url = f"{url.rstrip('/')}{protocol.PATH}"
        self._key = key
        self._now = now

    def __str__(self) -> str:
        return f"the api-server {urlsplit(self._url).netloc}"

    def get(self, digest: str) -> Iterator[bytes]:
        """Yield the bytes of an object, unverified. Raises Missing, StoreUnreachable."""
        with self._reached(), self._asked(f"/{digest}") as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                raise Missing(digest)
            self._require_good(answer)
            while piece := answer.read(_CHUNK):
                yield piece

    def get_many(self, digests: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Yield those small objects that the host has, unverified. Raises StoreUnreachable."""
        for some in batched(sorted(digests), protocol.MOST_AT_ONCE):
            with self._reached(), self._asked(f"?digests={','.join(some)}") as answer:
                self._require_good(answer)
                yield from protocol.frames(answer.read, frozenset(some))

    def _asked(self, what: str) -> OpenHttpAnswer:
        return http_client.begin("GET", f"{self._url}{what}", _TIMEOUTS, headers=self._headers())

    def _headers(self) -> Mapping[str, str]:
        token = protocol.token(self._key, self._now())
        return {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}

    def _require_good(self, answer: OpenHttpAnswer) -> None:
        if answer.status in _REFUSALS:
            raise StoreUnreachable(
                f"{self} gives no files of releases: the clocks of the hosts, or their secrets, differ"
            )
        if answer.status != HTTPStatus.OK:
            raise StoreUnreachable(f"{self} gives no files of releases: it answers {answer.status}")

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (OSError, protocol.BrokenFrame) as error:
            raise StoreUnreachable(f"{self} gives no files of releases: {error}") from error
