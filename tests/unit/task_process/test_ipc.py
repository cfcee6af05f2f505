"""Messages arrive whole, with their open files, or not at all."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airfleet.runtime import wire

words = st.text(max_size=200)


@given(words, words, st.none() | words, words, st.none() | words)
def test_an_attempt_is_the_same_after_the_way(
    number: str, bundle: str, version: str | None, path: str, dag: str
) -> None:
    near, far = wire.pair()
    with near, far:
        sent = wire.Attempt(number, wire.File(bundle, version, path, dag), ())
        wire.send(near, sent.message())
        received = wire.receive(far)
        assert received is not None
        assert wire.attempt(*received) == sent


def test_open_files_arrive_with_their_message_and_in_order() -> None:
    near, far = wire.pair()
    with near, far:
        pipes = [os.pipe() for _ in range(wire.MOST_DESCRIPTORS)]
        wire.send(near, {"n": 1}, [reader for reader, _ in pipes])
        wire.send(near, {"n": 2})
        for number, (_, writer) in enumerate(pipes):
            os.write(writer, bytes([number]))
        received = wire.receive(far)
        assert received is not None
        message, descriptors = received
        assert message == {"n": 1}
        assert [os.read(descriptor, 9) for descriptor in descriptors] == [bytes([n]) for n in range(len(pipes))]
        assert not any(os.get_inheritable(descriptor) for descriptor in descriptors)
        assert wire.receive(far) == ({"n": 2}, [])
        wire.close([*descriptors, *(end for pipe in pipes for end in pipe)])


def test_several_senders_share_a_socket_and_the_end_comes_with_the_last() -> None:
    near, far = wire.pair()
    with far:
        other = near.dup()
        wire.send(near, {"n": 1})
        near.close()
        wire.send(other, {"n": 2})
        other.close()
        assert [wire.receive(far) for _ in range(3)] == [({"n": 1}, []), ({"n": 2}, []), None]


def test_nobody_who_could_read_is_an_error_and_no_signal() -> None:
    near, far = wire.pair()
    with near:
        far.close()
        with pytest.raises(BrokenPipeError):
            wire.send(near, {})


def test_a_socket_that_may_not_wait_says_that_there_is_nothing() -> None:
    near, far = wire.pair()
    with near, far:
        far.setblocking(False)
        with pytest.raises(BlockingIOError):
            wire.receive(far)
        far.settimeout(0.01)
        with pytest.raises(TimeoutError):
            wire.receive(far)


def test_a_path_as_long_as_linux_allows_fits() -> None:
    near, far = wire.pair()
    with near, far:
        sent = wire.Attempt("id", wire.File("bundle", None, "p" * 4096, "d" * 250), ())
        wire.send(near, sent.message())
        received = wire.receive(far)
        assert received is not None
        assert wire.attempt(*received).file == sent.file
