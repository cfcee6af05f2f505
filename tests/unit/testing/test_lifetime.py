"""A thing with a start and a stop is stopped whatever happens, also when its start fails."""

from __future__ import annotations

import pytest

from airfleet.testing.lifetime import Startable


class Lamp(Startable):
    def __init__(self, broken: bool = False) -> None:
        self.broken = broken
        self.done: list[str] = []

    def start(self) -> None:
        self.done.append("start")
        if self.broken:
            raise AssertionError("it does not burn")

    def stop(self) -> None:
        self.done.append("stop")


def test_a_block_starts_and_stops() -> None:
    with Lamp() as lamp:
        assert lamp.done == ["start"]
    assert lamp.done == ["start", "stop"]


def test_an_error_in_the_block_stops_it_too() -> None:
    lamp = Lamp()
    with pytest.raises(ValueError, match="dark"), lamp:
        raise ValueError("dark")
    assert lamp.done == ["start", "stop"]


def test_a_start_that_fails_is_followed_by_a_stop() -> None:
    lamp = Lamp(broken=True)
    with pytest.raises(AssertionError, match="does not burn"), lamp:
        pass
    assert lamp.done == ["start", "stop"]
