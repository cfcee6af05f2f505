"""What agents of one fleet tell one another, and nobody else."""

from __future__ import annotations

import hmac
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airfleet.agent.cluster import peers
from airfleet.agent.cluster.peers import PeerAddress, PeerServer

KEY = "the fleet's"
#: seconds after which a test that waits for nothing has failed
GENEROUS = 60.0


@contextmanager
def answering(renews: bool = True, key: str = KEY, host: str = "one") -> Iterator[PeerAddress]:
    agent = PeerServer("127.0.0.1", 0, key, host, lambda: renews)
    agent.start()
    try:
        yield PeerAddress("one", "127.0.0.1", agent.port)
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


def question(challenge: bytes, key: str = KEY, nonce: bytes = b"0" * 32) -> bytes:
    proof = hmac.new(key.encode(), b"asks " + challenge + b" " + nonce, "sha256").hexdigest()
    return nonce + b" " + proof.encode() + b"\n"


def connected(place: PeerAddress) -> socket.socket:
    return socket.create_connection((place.address, place.port), timeout=GENEROUS)


def test_nothing_is_told_before_the_key_is_proved() -> None:
    with answering() as place:
        for key, is_answered in ((KEY, True), ("another fleet's", False)):
            with connected(place) as asking, asking.makefile("rb") as lines:
                asking.sendall(question(lines.readline().strip(), key))
                assert (b"renews" in lines.read()) is is_answered


def test_a_question_that_comes_in_pieces_is_answered_when_it_is_whole() -> None:
    with answering() as place, connected(place) as asking, asking.makefile("rb") as lines:
        asking.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked = question(lines.readline().strip())
        asking.sendall(asked[:40])
        time.sleep(0.1)  # so that the first piece is read alone
        asking.sendall(asked[40:])
        assert b"renews" in lines.read()


def test_an_old_question_is_not_answered_again() -> None:
    with answering() as place:
        with connected(place) as asking, asking.makefile("rb") as lines:
            recorded = question(lines.readline().strip())
            asking.sendall(recorded)
            assert b"renews" in lines.read()
        with connected(place) as asking, asking.makefile("rb") as lines:
            lines.readline()
            asking.sendall(recorded)
            assert lines.read() == b""


def test_an_old_answer_does_not_pass_for_a_new_one() -> None:
    with answering() as place, connected(place) as asking, asking.makefile("rb") as lines:
        challenge = lines.readline()
        asking.sendall(question(challenge.strip()))
        recorded = challenge + lines.read()
    with forger(lambda client: client.sendall(recorded)) as place:
        assert peers.ask(place, KEY, time.monotonic) is None


@contextmanager
def forger(does: Callable[[socket.socket], object]) -> Iterator[PeerAddress]:
    """Somebody who takes one connection where host *one* should be, and does something with it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, suppress(OSError):
                does(client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield PeerAddress("one", "127.0.0.1", listener.getsockname()[1])
        finally:
            thread.join()


def test_who_asks_waits_no_longer_for_one_who_answers_byte_by_byte() -> None:
    heard = threading.Event()

    def drip(client: socket.socket) -> None:
        while not heard.wait(peers.EXCHANGE_TIMEOUT_SECONDS / 5):
            client.sendall(b"0")

    with forger(drip) as place:
        began = time.monotonic()
        assert peers.ask(place, KEY, time.monotonic) is None
        assert time.monotonic() - began < 10 * peers.EXCHANGE_TIMEOUT_SECONDS  # of the 30 that its 150 bytes would last
        heard.set()


def test_an_endless_answer_is_none() -> None:
    def flood(client: socket.socket) -> None:
        while True:
            client.sendall(b"0" * 65536)

    with forger(flood) as place:
        assert peers.ask(place, KEY, time.monotonic) is None


def test_strangers_who_send_a_byte_now_and_then_silence_nobody() -> None:
    with answering() as place, ExitStack() as stack:
        strangers = [stack.enter_context(connected(place)) for _ in range(100)]
        ended = threading.Event()

        def drip() -> None:
            while not ended.wait(0.8 * peers.EXCHANGE_TIMEOUT_SECONDS):
                for stranger in strangers:
                    with suppress(OSError):
                        stranger.send(b"0")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            answers = [peers.ask(place, KEY, time.monotonic) for _ in range(20)]
        finally:
            ended.set()
            thread.join()
        assert all(answers)
        # None of them is kept: each was let go for another one, or at its time.
        for stranger in strangers:
            stranger.settimeout(GENEROUS)
            with suppress(ConnectionError):
                while stranger.recv(1024):
                    pass


def test_who_says_nothing_is_let_go_at_his_time() -> None:
    with answering() as place, connected(place) as silent:
        began = time.monotonic()
        with silent.makefile("rb") as lines:
            lines.read()
        assert time.monotonic() - began >= 0.9 * peers.EXCHANGE_TIMEOUT_SECONDS


def test_of_too_many_clients_the_network_that_has_most_loses_its_oldest() -> None:
    with answering() as place, ExitStack() as stack:
        alone = stack.enter_context(
            socket.create_connection((place.address, place.port), GENEROUS, source_address=("127.0.0.2", 0))
        )
        many = [stack.enter_context(connected(place)) for _ in range(peers.MOST_CLIENTS)]
        with many[0].makefile("rb") as lines:
            assert len(lines.read()) == 33  # its challenge, and the end
        for client in (alone, many[-1]):
            with client.makefile("rb") as lines:
                client.sendall(question(lines.readline().strip()))
                assert b"renews" in lines.read()


def test_as_many_clients_as_there_may_be_are_all_kept() -> None:
    with answering() as place, ExitStack() as stack:
        clients = [stack.enter_context(connected(place)) for _ in range(peers.MOST_CLIENTS)]
        clients[-1].recv(33)  # all of them are in
        with clients[0].makefile("rb") as lines:
            clients[0].sendall(question(lines.readline().strip()))
            assert b"renews" in lines.read()


def test_an_agent_that_never_began_to_answer_ends_and_gives_its_port_back() -> None:
    agent = PeerServer("127.0.0.1", 0, KEY, "one", lambda: True)
    port = agent.port
    agent.close()
    PeerServer("127.0.0.1", port, KEY, "one", lambda: True).close()


def test_who_has_not_asked_yet_is_let_go_when_the_agent_ends() -> None:
    agent = PeerServer("127.0.0.1", 0, KEY, "one", lambda: True)
    assert agent._thread.daemon  # it keeps no process from its end
    agent.start()
    with connected(PeerAddress("one", "127.0.0.1", agent.port)) as client, client.makefile("rb") as lines:
        lines.readline()
        agent.close()
        client.settimeout(10.0)
        assert lines.read() == b""


@pytest.mark.parametrize(
    ("addresses", "are_one"),
    [
        (("10.0.0.1", "10.0.0.1"), True),
        (("10.0.0.1", "10.0.0.2"), False),
        (("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"), True),
        (("2001:db8:0:1::1", "2001:db8:0:2::1"), False),
        (("::ffff:10.0.0.1", "::ffff:10.0.0.2"), False),
        (("fe80::1%eth0", "fe80::2%eth0"), True),
    ],
)
def test_one_machine_is_counted_once_however_many_addresses_it_has(addresses: tuple[str, str], are_one: bool) -> None:
    one, another = map(peers._network, addresses)
    assert (one == another) is are_one


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.binary(max_size=300))
def test_whatever_is_sent_is_told_nothing_and_harms_nobody(nonsense: bytes) -> None:
    with answering() as place:
        with connected(place) as asking, suppress(ConnectionError):
            asking.sendall(nonsense)
            asking.shutdown(socket.SHUT_WR)
            with asking.makefile("rb") as lines:
                assert b"renews" not in lines.read()
        assert peers.ask(place, KEY, time.monotonic) is not None


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.one_of(st.binary(max_size=300), st.builds(lambda end: b"0" * 32 + b"\n" + end, st.binary(max_size=200))))
def test_whatever_is_answered_is_none_of_who_does_not_know_the_key(nonsense: bytes) -> None:
    with forger(lambda client: client.sendall(nonsense)) as place:
        assert peers.ask(place, KEY, time.monotonic) is None


def test_nobody_there_is_no_answer_and_others_are_heard_all_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, answering() as place:
        deaf = PeerAddress("deaf", "127.0.0.1", silent.getsockname()[1])
        began = time.monotonic()
        found = peers.ask_all((deaf, place), KEY, time.monotonic)
        assert [answer.host for answer in found] == ["one"]
        assert time.monotonic() - began < 3 * peers.EXCHANGE_TIMEOUT_SECONDS
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
