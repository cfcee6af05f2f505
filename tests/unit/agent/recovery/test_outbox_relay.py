"""The agent tells outcomes in every script, and neither a silent server nor one that is no request keeps the others."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from airfleet.agent.recovery import outbox_relay as telling
from airfleet.agent.recovery.outbox_relay import OutboxRelay
from airfleet.events import Event
from airfleet.spool import outbox
from airfleet.spool.outbox import OutboxRequest
from support.toy_api import toy_api

ATTEMPTS = [f"019aa6d1-7a5b-7c09-a1c7-61a6f0e3b1d{last}" for last in "abc"]


@contextmanager
def one_request() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a server that takes one request, and its body once the block has ended."""
    bodies: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5.0)

        def serve() -> None:
            with suppress(TimeoutError):
                answer(*listener.accept())

        def answer(client: socket.socket, _: object) -> None:
            with client, client.makefile("rb") as request:
                length = 0
                for line in iter(request.readline, b"\r\n"):
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                bodies.append(request.read(length))
                client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/execution/", bodies
        thread.join()


@contextmanager
def mute() -> Iterator[tuple[str, list[int]]]:
    """A server that takes connections and says nothing, and how many it has had in the end."""
    taken: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/execution/", taken
        listener.setblocking(False)
        while True:
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                return
            taken.append(1)


def agent(folder: Path, *urls: str) -> tuple[OutboxRelay, list[tuple[Event, dict[str, Any]]]]:
    said: list[tuple[Event, dict[str, Any]]] = []
    return OutboxRelay(folder, lambda: urls, lambda event, **data: said.append((event, data))), said


@pytest.mark.parametrize("words", ["東京の気象", "Zürich"])
def test_an_outcome_in_any_script_arrives_as_it_was_meant(words: str, tmp_path: Path) -> None:
    body = json.dumps({"state": "success", "rendered_map_index": words}, ensure_ascii=False)
    outbox.put(tmp_path / "untold", OutboxRequest(ATTEMPTS[0], body, "t0ken"))
    with one_request() as (url, bodies):
        telling_it, said = agent(tmp_path / "untold", url)
        assert telling_it.tell(ATTEMPTS, ATTEMPTS) == frozenset()
    assert json.loads(bodies[0])["rendered_map_index"] == words
    assert [event for event, _ in said] == [Event.OUTCOME_TOLD]


def test_what_makes_no_request_is_said_and_given_up_and_the_others_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "untold"
    outbox.put(folder, OutboxRequest(ATTEMPTS[0], "\ud800", "t0ken"))
    outbox.put(folder, OutboxRequest(ATTEMPTS[1], "{}", "t0ken\n"))
    outbox.put(folder, OutboxRequest(ATTEMPTS[2], "{}", "t0ken"))
    with toy_api() as api:
        telling_it, said = agent(folder, api.url)
        assert telling_it.tell(ATTEMPTS, ATTEMPTS) == frozenset()  # so the first two are lost, and run again
        assert api.paths() == [f"/execution/task-instances/{ATTEMPTS[2]}/state"]
    assert [event for event, _ in said] == [Event.OUTCOME_UNTELLABLE] * 2 + [Event.OUTCOME_TOLD]
    assert "t0ken" not in str(said)
    assert not any(outbox.pending(folder))


def test_a_silent_server_is_asked_once_in_a_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "ANSWER_SECONDS", 0.1)
    folder = tmp_path / "untold"
    for attempt in ATTEMPTS:
        outbox.put(folder, OutboxRequest(attempt, "{}", "t0ken"))
    with mute() as (silent, taken):
        telling_it, _ = agent(folder, silent)
        assert telling_it.tell(ATTEMPTS, ATTEMPTS) == frozenset(ATTEMPTS)
    assert len(taken) == 1
    with mute() as (silent, taken), toy_api() as api:
        telling_it, said = agent(folder, silent, api.url)
        assert telling_it.tell(ATTEMPTS, ATTEMPTS) == frozenset()
        assert len(api.asked) == len(said) == len(ATTEMPTS)
    assert len(taken) == 1


def test_what_a_server_did_not_answer_is_asked_last_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "ANSWER_SECONDS", 0.1)
    folder = tmp_path / "untold"
    for attempt in ATTEMPTS:
        outbox.put(folder, OutboxRequest(attempt, "{}", "t0ken"))
    slow, asked = ATTEMPTS[0], []

    def send(url: str, outcome: OutboxRequest) -> int | None:
        asked.append(outcome.attempt)
        return None if outcome.attempt == slow else 200

    monkeypatch.setattr(telling, "_send", send)
    telling_it, _ = agent(folder, "http://here/")
    assert telling_it.tell(ATTEMPTS, ATTEMPTS) == set(ATTEMPTS)
    assert telling_it.tell(ATTEMPTS, ATTEMPTS) == {slow}
    assert asked == [slow, *ATTEMPTS[1:], slow]


def test_a_server_that_answers_for_an_hour_that_it_cannot_hear_an_outcome_is_believed_no_more(tmp_path: Path) -> None:
    folder, now = tmp_path / "untold", [0.0]
    outbox.put(folder, OutboxRequest(ATTEMPTS[0], "{}", "t0ken"))
    said: list[tuple[Event, str]] = []
    with toy_api(lambda method, path: 503) as api:
        telling_it = OutboxRelay(
            folder, lambda: [api.url], lambda event, **data: said.append((event, data["why"])), lambda: now[0]
        )
        ((_, now[0]),) = outbox.pending(folder)
        assert telling_it.tell(ATTEMPTS, ATTEMPTS) == {ATTEMPTS[0]}
        now[0] += telling.OUTAGE_SECONDS + 1
        assert telling_it.tell(ATTEMPTS, ATTEMPTS) == frozenset()
    assert said == [(Event.OUTCOME_UNTELLABLE, "the API answers 503")]
    assert not any(outbox.pending(folder))
