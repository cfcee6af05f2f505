"""The probe knows to a fraction of a second when an API answered and when it did not."""

from __future__ import annotations

import threading

import pytest

from airfleet.errors import FleetError
from faultlab.measuring import api_probe
from faultlab.measuring.api_probe import ApiProbe


class Silent:
    """Refuses some questions, then answers; says when it was asked often enough."""

    def __init__(self, refused: int, enough: int) -> None:
        self.refused = refused
        self.left = enough
        self.asked_enough = threading.Event()

    def get(self, *path: str, **query: object) -> object:
        self.left -= 1
        if self.left <= 0:
            self.asked_enough.set()
        self.refused -= 1
        if self.refused >= 0:
            raise FleetError(f"nobody answers for {path}")
        return {}


class HoldsOne(Silent):
    """Answers nobody's first question, until it may."""

    def __init__(self) -> None:
        super().__init__(refused=0, enough=20)
        self.first, self.may = threading.Lock(), threading.Event()

    def get(self, *path: str, **query: object) -> object:
        if self.first.acquire(blocking=False):
            self.may.wait(10)
        return super().get(*path, **query)


def test_who_gets_no_answer_does_not_keep_the_others_from_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_probe, "PAUSE_SECONDS", 0.001)
    api = HoldsOne()
    asked = ApiProbe(api)
    asked.start()
    assert api.asked_enough.wait(5)
    assert asked.answers
    api.may.set()
    asked.stop()


def test_each_question_is_an_answer_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_probe, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(api_probe, "ASKERS", 1)
    api = Silent(refused=2, enough=4)
    asked = ApiProbe(api)
    asked.start()
    assert api.asked_enough.wait(10)
    asked.stop()
    assert [one.answered for one in asked.answers][:4] == [False, False, True, True]
    times = [one.at for one in asked.answers]
    assert times == sorted(times)
