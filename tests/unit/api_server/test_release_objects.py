"""The objects of a host, asked for as a server of ASGI asks."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airfleet.api_server.release_objects import ReleaseObjects
from airfleet.releases.exchange import protocol
from airfleet.releases.places import Places
from airfleet.releases.stores.objects import SMALL

KEY, ROOT = "k" * 64, "/myorg/airflow"
SMALL_ONE, LARGE, PROGRAM = b"a = 1\n", os.urandom(700_000), b"#!/bin/sh\n"


def named(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(tmp_path / "releases")
    for content, is_executable in ((SMALL_ONE, False), (LARGE, False), (PROGRAM, True)):
        path = made.object(named(content), executable=is_executable)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return made


@dataclass
class Answer:
    status: int
    headers: dict[bytes, bytes]
    pieces: list[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


def ask(
    places: Places, below: str, *, method: str = "GET", query: str = "", token: str | None = None, key: str = KEY
) -> Answer:
    """Ask for what lies below the path; by default with a token that is good."""
    token = protocol.token(KEY, time.time()) if token is None else token
    scope = {
        "type": "http", "method": method, "path": f"{ROOT}{protocol.PATH}{below}", "query_string": query.encode(),
        "headers": [(b"authorization", f"Bearer {token}".encode())] if token else [],
    }  # fmt: skip
    return serve(ReleaseObjects(other, places, key, ROOT), scope)


def serve(application: Any, scope: dict[str, Any]) -> Answer:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(application(scope, None, send))
    start, *rest = sent
    assert rest[-1].get("more_body", False) is False
    return Answer(start["status"], dict(start["headers"]), [message.get("body", b"") for message in rest])


async def other(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"of Airflow"})


@pytest.mark.parametrize("content", [SMALL_ONE, LARGE, PROGRAM], ids=["small", "large", "program"])
def test_an_object_is_given_in_pieces_with_its_size(content: bytes, places: Places) -> None:
    found = ask(places, f"/{named(content)}")
    assert (found.status, found.body, found.headers[b"content-length"]) == (200, content, str(len(content)).encode())
    assert max(map(len, found.pieces)) <= 256 << 10


def test_head_says_the_size_alone(places: Places) -> None:
    found = ask(places, f"/{named(LARGE)}", method="HEAD")
    assert (found.status, found.body, found.headers[b"content-length"]) == (200, b"", str(len(LARGE)).encode())


def test_the_small_ones_that_are_there_come_together(places: Places) -> None:
    asked = [named(content) for content in (SMALL_ONE, LARGE, PROGRAM, b"never")]
    found = ask(places, "", query=f"digests={','.join(asked)}")
    frames = protocol.frames(io.BytesIO(found.body).read, asked)
    assert dict(frames) == {named(SMALL_ONE): SMALL_ONE, named(PROGRAM): PROGRAM}
    assert len(LARGE) > SMALL


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        protocol.token("j" * 64, time.time()),
        protocol.token(KEY, time.time() - 3600),
        protocol.token(KEY, time.time() + 3600),
    ],
    ids=["none", "no token", "of another fleet", "of an hour ago", "of a later hour"],
)
def test_without_a_token_that_is_good_now_nothing_is_given_nor_said_to_be_there(token: str, places: Places) -> None:
    for below in (f"/{named(SMALL_ONE)}", "/" + "0" * 64, ""):
        assert ask(places, below, token=token).status == (403 if token else 401)


def test_a_fleet_without_a_key_gives_nothing(places: Places) -> None:
    assert ask(places, f"/{named(SMALL_ONE)}", key="").status == 403


@pytest.mark.parametrize(
    "below",
    [
        "/", "", "/" + "0" * 64, "/" + "g" * 64, "/" + named(SMALL_ONE).upper(), f"/{named(SMALL_ONE)}.x",
        f"/{named(SMALL_ONE)}/", f"//{named(SMALL_ONE)}", f"/{named(SMALL_ONE)}\n", "/../../../etc/passwd",
        "/../" + "0" * 61, f"/{named(SMALL_ONE)[:2]}/{named(SMALL_ONE)}", "/\0" + "0" * 63,
    ],
)  # fmt: skip
def test_what_is_no_object_of_this_host_is_not_found(below: str, places: Places) -> None:
    assert ask(places, below).status == 404


@pytest.mark.parametrize(
    "query",
    ["digests=", "digests=..", "any=thing", "digests=" + ",".join(f"{number:064x}" for number in range(101))],
    ids=["none", "no digest", "nothing known", "too many"],
)
def test_a_question_for_many_that_is_none_is_refused(query: str, places: Places) -> None:
    assert ask(places, "", query=query).status == 400


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS"])
def test_nothing_is_written(method: str, places: Places) -> None:
    assert ask(places, f"/{named(SMALL_ONE)}", method=method).status == 405


def link(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def folder(path: Path, secret: Path) -> None:
    path.mkdir()


def fifo(path: Path, secret: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [link, folder, fifo])
def test_what_is_no_file_of_the_folder_is_not_given(
    make: Callable[[Path, Path], None], places: Places, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("nobody's business")
    place = places.object("0" * 64)
    place.parent.mkdir()
    make(place, tmp_path / "secret")
    assert ask(places, "/" + "0" * 64).status == 404
    assert ask(places, "", query="digests=" + "0" * 64).body == b""


@pytest.mark.parametrize("path", ["/api/v2/version", f"{protocol.PATH}s", "/", f"/other{protocol.PATH}/x"])
def test_every_other_request_goes_to_airflow(path: str, places: Places) -> None:
    scope = {"type": "http", "method": "GET", "path": f"{ROOT}{path}", "query_string": b"", "headers": []}
    assert serve(ReleaseObjects(other, places, KEY, ROOT), scope).body == b"of Airflow"
    assert serve(ReleaseObjects(other, places, KEY, ROOT), {"type": "lifespan"}).body == b"of Airflow"
