"""Messages arrive whole, with their open files, or not at all."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airfleet.task_process import ipc

words = st.text(max_size=200)


@given(words, words, st.none() | words, words, st.none() | words)
def test_an_attempt_is_the_same_after_the_way(
    number: str, bundle: str, version: str | None, path: str, dag: str
) -> None:
    near, far = ipc.pair()
    with near, far:
        sent = ipc.Attempt(number, ipc.DagFile(bundle, version, path, dag), ())
        ipc.send(near, sent.message())
        received = ipc.receive(far)
        assert received is not None
        assert ipc.attempt(*received) == sent


def test_open_files_arrive_with_their_message_and_in_order() -> None:
    near, far = ipc.pair()
    with near, far:
        pipes = [os.pipe() for _ in range(ipc.MOST_DESCRIPTORS)]
        ipc.send(near, {"n": 1}, [reader for reader, _ in pipes])
        ipc.send(near, {"n": 2})
        for number, (_, writer) in enumerate(pipes):
            os.write(writer, bytes([number]))
        received = ipc.receive(far)
        assert received is not None
        message, descriptors = received
        assert message == {"n": 1}
        assert [os.read(descriptor, 9) for descriptor in descriptors] == [bytes([n]) for n in range(len(pipes))]
        assert not any(os.get_inheritable(descriptor) for descriptor in descriptors)
        assert ipc.receive(far) == ({"n": 2}, [])
        ipc.close([*descriptors, *(end for pipe in pipes for end in pipe)])


def test_several_senders_share_a_socket_and_the_end_comes_with_the_last() -> None:
    near, far = ipc.pair()
    with far:
        other = near.dup()
        ipc.send(near, {"n": 1})
        near.close()
        ipc.send(other, {"n": 2})
        other.close()
        assert [ipc.receive(far) for _ in range(3)] == [({"n": 1}, []), ({"n": 2}, []), None]


def test_nobody_who_could_read_is_an_error_and_no_signal() -> None:
    near, far = ipc.pair()
    with near:
        far.close()
        with pytest.raises(BrokenPipeError):
            ipc.send(near, {})


def test_a_socket_that_may_not_wait_says_that_there_is_nothing() -> None:
    near, far = ipc.pair()
    with near, far:
        far.setblocking(False)
        with pytest.raises(BlockingIOError):
            ipc.receive(far)
        far.settimeout(0.01)
        with pytest.raises(TimeoutError):
            ipc.receive(far)


def test_a_path_as_long_as_linux_allows_fits() -> None:
    near, far = ipc.pair()
    with near, far:
        sent = ipc.Attempt("id", ipc.DagFile("bundle", None, "p" * 4096, "d" * 250), ())
        ipc.send(near, sent.message())
        received = ipc.receive(far)
        assert received is not None
        assert ipc.attempt(*received).file == sent.file
