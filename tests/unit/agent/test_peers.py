"""What agents of one fleet tell one another, and nobody else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from airfleet.agent import peers
from airfleet.agent.peers import Answering, Place

KEY = "the fleet's"


@contextmanager
def answering(renews: bool = True, key: str = KEY, host: str = "one") -> Iterator[Place]:
    agent = Answering("127.0.0.1", 0, key, host, lambda: renews)
    agent.start()
    try:
        yield Place("one", "127.0.0.1", agent.port)
    finally:
        agent.close()


def test_an_agent_says_whether_it_renews_its_lease() -> None:
    for renews in (True, False):
        with answering(renews) as place:
            before = time.monotonic()
            answer = peers.ask(place, KEY, time.monotonic)
            assert answer is not None
            assert (answer.host, answer.renews) == ("one", renews)
            assert before <= answer.at <= time.monotonic()


def test_who_does_not_know_the_key_says_nothing() -> None:
    with answering(key="another fleet's") as place:
        assert peers.ask(place, KEY, time.monotonic) is None


def test_an_answer_of_another_host_is_none() -> None:
    with answering(host="two") as place:
        assert peers.ask(place, KEY, time.monotonic) is None


def test_an_old_answer_does_not_pass_for_a_new_one() -> None:
    with answering() as place, socket.create_connection((place.address, place.port)) as asked:
        asked.sendall(b"0" * 32 + b"\n")
        recorded = asked.makefile("rb").read()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        forger = Place("one", "127.0.0.1", listener.getsockname()[1])

        def repeat() -> None:
            client, _ = listener.accept()
            with client:
                client.sendall(recorded)

        thread = threading.Thread(target=repeat)
        thread.start()
        assert peers.ask(forger, KEY, time.monotonic) is None
        thread.join()


def test_nobody_there_is_no_answer_and_others_are_heard_all_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, answering() as place:
        deaf = Place("deaf", "127.0.0.1", silent.getsockname()[1])
        began = time.monotonic()
        found = peers.ask_all((deaf, place), KEY, time.monotonic)
        assert [answer.host for answer in found] == ["one"]
        assert time.monotonic() - began < 3 * peers.SECONDS
    assert peers.ask(place, KEY, time.monotonic) is None


def test_a_question_that_is_none_harms_nobody() -> None:
    with answering() as place:
        for nonsense in (b"\n", b"x" * 5000, b"GET / HTTP/1.1\r\n\r\n"):
            with socket.create_connection((place.address, place.port)) as client:
                client.sendall(nonsense)
        assert peers.ask(place, KEY, time.monotonic) is not None


def test_a_witness_is_whatever_takes_a_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as witness:
        port = witness.getsockname()[1]
        assert peers.answers(f"127.0.0.1:{port}")
    assert not peers.answers(f"127.0.0.1:{port}")
    assert not peers.answers("no port")
