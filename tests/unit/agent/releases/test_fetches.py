"""Fetches under way, each in a thread of its own."""

from __future__ import annotations

import threading

from airfleet.agent.releases.fetches import FetchFailed, ReleaseFetches

SECONDS = 10.0


def test_a_fetch_is_under_way_until_its_end_is_taken() -> None:
    gate, woken = threading.Event(), threading.Event()

    def fetch(digest: str) -> None:
        assert gate.wait(SECONDS)
        if digest == "bad":
            raise FetchFailed("no room", is_certain=True)

    fetches = ReleaseFetches(fetch, woken.set, clock=lambda: 7.0)
    for digest in ("good", "bad"):
        fetches.start(digest)
    assert fetches.under_way == {"good", "bad"}
    assert fetches.take() == ()
    gate.set()
    ended = {}
    while len(ended) < 2:
        assert woken.wait(SECONDS)
        woken.clear()
        ended.update({one.digest: one for one in fetches.take()})
    assert fetches.under_way == frozenset()
    assert (ended["good"].error, ended["good"].seconds) == (None, 0.0)
    error = ended["bad"].error
    assert isinstance(error, FetchFailed)
    assert (str(error), error.is_certain) == ("no room", True)
