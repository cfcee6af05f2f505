"""Files over HTTP, whole or not at all.

A download is written to ``<name>.part``. When the connection breaks, the next attempt asks for the
rest with ``Range`` and ``If-Range``, so a file that changed meanwhile is sent whole again. The file
gets its name only when its size is the announced one.
"""

from __future__ import annotations

import email.message
import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from air_quality.errors import FetchError

BLOCK = 1 << 20  # bytes
PAGE_LIMIT = 32 << 20  # bytes; a listing of every year and station is far smaller
ATTEMPTS = 4
TIMEOUT = 60.0  # seconds without a byte

#: what we have is as long as the file, or longer; the next attempt begins anew
_NOTHING_LEFT = 416
#: statuses that may be others next time
_PASSING = {408, _NOTHING_LEFT, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Download:
    """A file that was fetched whole."""

    url: str
    path: Path
    size: int  # bytes
    sha256: str


def read_page(url: str, timeout: float = TIMEOUT) -> str:
    """The text of a page.

    Raises:
        FetchError: it cannot be read, or is too large to be a listing.
    """
    try:
        with _open(urllib.request.Request(url), timeout) as response:
            data: bytes = response.read(PAGE_LIMIT + 1)
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(f"{url} cannot be read: {_reason(error)}") from error
    if len(data) > PAGE_LIMIT:
        raise FetchError(f"{url} is larger than {PAGE_LIMIT:,} bytes: not a listing")
    return data.decode("utf-8", "replace")


def fetch_file(
    url: str, path: Path, *, timeout: float = TIMEOUT, pause: Callable[[float], None] = time.sleep
) -> Download:
    """``url`` in the file ``path``; goes on where an earlier attempt stopped.

    Raises:
        FetchError: after four attempts, or at once when the server says that there is no such file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _receive(url, part, timeout)
            break
        except (OSError, http.client.HTTPException, _Incomplete) as error:
            if attempt == ATTEMPTS or not _may_pass(error):
                raise FetchError(f"{url} cannot be fetched: {_reason(error)}") from error
            if isinstance(error, urllib.error.HTTPError) and error.code == _NOTHING_LEFT:
                part.unlink()
            pause(0.2 * 4 ** (attempt - 1))
    os.replace(part, path)
    _memo(part).unlink(missing_ok=True)
    return Download(url, path, path.stat().st_size, sha256_of(path))


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Incomplete(Exception):
    """The server closed the connection before the announced size was reached."""


def _receive(url: str, part: Path, timeout: float) -> None:
    """One attempt: ask for what is lacking, append it, compare with the announced size."""
    request = urllib.request.Request(url)
    validator = _validator_of(part)
    if validator:
        request.add_header("Range", f"bytes={part.stat().st_size}-")
        request.add_header("If-Range", validator)
    with _open(request, timeout) as response:
        resumed = response.status == 206
        had = part.stat().st_size if resumed else 0
        _memo(part).write_text(json.dumps({"validator": _validator(response.headers)}))
        announced = response.headers.get("Content-Length")
        with part.open("ab" if resumed else "wb") as file:
            _copy(response, file)
            os.fsync(file.fileno())
    size = part.stat().st_size
    if announced is not None and size != had + int(announced):
        raise _Incomplete(f"the connection ended after {size:,} of {had + int(announced):,} bytes")


def _copy(response: IO[bytes], file: IO[bytes]) -> None:
    try:
        while block := response.read(BLOCK):
            file.write(block)
    except http.client.IncompleteRead as error:
        file.write(error.partial)
        raise


def _validator_of(part: Path) -> str | None:
    """What identifies the version of the file that ``part`` is the beginning of."""
    if not (part.exists() and part.stat().st_size and _memo(part).exists()):
        return None
    validator: str | None = json.loads(_memo(part).read_text())["validator"]
    return validator


def _validator(headers: email.message.Message) -> str | None:
    etag = headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified")


def _memo(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _open(request: urllib.request.Request, timeout: float) -> Any:
    handlers: list[urllib.request.BaseHandler] = [_SameSchemeRedirects()]
    if urlsplit(request.full_url).hostname in ("127.0.0.1", "localhost", "::1"):
        handlers.append(urllib.request.ProxyHandler({}))
    request.add_header("User-Agent", "airfleet-air-quality-example")
    return urllib.request.build_opener(*handlers).open(request, timeout=timeout)


class _SameSchemeRedirects(urllib.request.HTTPRedirectHandler):
    """https must not be led back to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError(f"refused to follow a redirect from https to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _may_pass(error: Exception) -> bool:
    return error.code in _PASSING if isinstance(error, urllib.error.HTTPError) else True


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
