from __future__ import annotations

import io
import time

import jwt
import pytest

from airfleet.releases.exchange import protocol
from airfleet.releases.exchange.protocol import BrokenFrame
from airfleet.releases.stores.objects import SMALL
from airfleet.system import component_logs

KEY = "k" * 64
ONE, TWO = "1" * 64, "2" * 64


def written(*objects: tuple[str, bytes]) -> bytes:
    return b"".join(protocol.frame(digest, len(content)) + content for digest, content in objects)


def test_objects_come_back_as_they_were_framed() -> None:
    objects = [(ONE, b""), (TWO, b"abc")]
    assert list(protocol.frames(io.BytesIO(written(*objects)).read, {ONE, TWO})) == objects
    assert list(protocol.frames(io.BytesIO().read, {ONE})) == []


def test_pieces_of_any_size_make_a_frame() -> None:
    whole = io.BytesIO(written((TWO, b"abc")))
    assert list(protocol.frames(lambda size: whole.read(min(size, 2)), {TWO})) == [(TWO, b"abc")]


@pytest.mark.parametrize(
    "words",
    [
        written((ONE, b"abc")),
        written((TWO, b"abc"))[:-1],
        written((TWO, b"abc"))[:20],
        protocol.frame(TWO, SMALL + 1),
        b"<html>a page of something else, which is longer than a head</html>",
    ],
    ids=["not asked for", "cut in its content", "cut in its head", "larger than small", "another protocol"],
)
def test_what_is_no_frame_that_was_asked_for_is_refused(words: bytes) -> None:
    with pytest.raises(BrokenFrame):
        list(protocol.frames(io.BytesIO(words).read, {TWO}))


def test_a_token_opens_with_its_key_for_half_a_minute() -> None:
    now = time.time()
    assert protocol.opens(protocol.token(KEY, now), KEY)
    assert not protocol.opens(protocol.token("j" * 64, now), KEY)
    assert not protocol.opens(protocol.token(KEY, now - 600), KEY)
    assert not protocol.opens("", KEY)


def test_a_token_of_the_same_key_for_another_use_does_not_open() -> None:
    now = time.time()
    assert not protocol.opens(component_logs.token(KEY, now), KEY)
    assert not component_logs.opens(protocol.token(KEY, now), KEY)
    unsigned = jwt.encode({"aud": "airfleet releases", "iat": int(now), "exp": int(now) + 30}, "", "none")
    assert not protocol.opens(unsigned, KEY)
    assert not protocol.opens(unsigned, "")
