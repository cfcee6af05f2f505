"""Every run of a load is asked for once, whatever the API answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from airfleet.client.api_client import ApiError
from airfleet.drill import workload
from airfleet.drill.load_generator import LoadGenerator
from airfleet.drill.waiting import wait_until
from airfleet.drill.workload import RunRequest
from airfleet.errors import FleetError


@dataclass
class FakeApi:
    """Answers as it is told, then well."""

    answers: list[Exception | None]
    asked: list[str] = field(default_factory=list)

    def post(self, *path: str, body: dict[str, Any]) -> None:
        self.asked.append(body["dag_run_id"])
        if self.answers and (wrong := self.answers.pop(0)):
            raise wrong


class Once:
    """Two runs at the first tick."""

    tick_seconds = 0.01

    def at(self, label: str, tick: int) -> Iterator[RunRequest]:
        if tick == 0:
            yield RunRequest(workload.ONE, f"{label}-a")
            yield RunRequest(workload.ONE, f"{label}-b")


def test_a_run_that_got_no_answer_is_asked_for_again_and_counts_once() -> None:
    api = FakeApi([FleetError("away"), ApiError(503, "not now"), ApiError(409, "it is there"), None])
    load = LoadGenerator(api, Once(), "x")  # type: ignore[arg-type]
    load.start()
    wait_until(lambda: len(load.asked) == 2, 10, "both are asked for")
    load.stop()
    assert load.settle(1) == 0
    assert api.asked == ["x-a", "x-a", "x-a", "x-b"]
    assert [one.run_id for one in load.asked] == ["x-a", "x-b"]
    assert [answer.answered for answer in load.answers] == [False, False, True, True]
    assert set(load.accepted) == {one.run for one in load.asked}


def test_an_answer_that_comes_too_late_is_none() -> None:
    clock = iter([0.0, 0.0, 0.0, 5.0, 5.0, 5.0, 5.1, 5.1]).__next__
    load = LoadGenerator(FakeApi([]), Once(), "x", clock)  # type: ignore[arg-type]
    load.ask([RunRequest(workload.ONE, "a"), RunRequest(workload.ONE, "b")])
    assert load.settle(1) == 0
    assert [(one.at, one.answered) for one in load.answers] == [(0.0, False), (5.0, False), (5.0, True)]


def test_what_could_not_be_asked_for_is_counted() -> None:
    api = FakeApi([FleetError("away")] * 1000)
    load = LoadGenerator(api, Once(), "x")  # type: ignore[arg-type]
    load.start()
    wait_until(lambda: api.asked, 10, "it tries")
    load.stop()
    assert load.settle(0.15) == 2
    assert load.asked == ()
