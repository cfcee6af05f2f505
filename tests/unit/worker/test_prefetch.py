"""A worker with several queues holds no task that another worker could run."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state

from airfleet.worker import prefetch
from airfleet.worker.prefetch import PATIENCE_SECONDS, Surplus


class Message:
    """One that came from a queue."""

    def __init__(self, queue: str) -> None:
        self.delivery_info = {"routing_key": queue}
        self.given_back = False

    def requeue(self) -> None:
        self.given_back = True


class Worker:
    """The part of a consumer that a surplus has to do with; one slot."""

    def __init__(self) -> None:
        self.pool = SimpleNamespace(num_processes=1)
        self.timer = self
        self.task_consumer = self
        self.app = SimpleNamespace(amqp=SimpleNamespace(queues={"one": "one", "two": "two"}))
        self.reading = {"one", "two"}
        self.taken: list[Any] = []
        self.due: Callable[[], None] | None = None
        self.surplus: Surplus | None = None

    def call_after(self, _: float, what: Callable[..., None], arguments: tuple[Any, ...]) -> object:
        self.due = lambda: what(*arguments)
        return self.due

    def cancel(self, _: object) -> None:
        self.due = None

    def cancel_by_queue(self, queue: str) -> None:
        self.reading.remove(queue)

    def add_queue(self, queue: str) -> None:
        self.reading.add(queue)

    def consume(self) -> None:
        pass

    def pass_time(self) -> None:
        """The moment of the next look."""
        due, self.due = self.due, None
        assert due is not None, "nobody looks"
        due()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Task:
    """One that occupies the slot."""


@pytest.fixture
def busy() -> Task:
    task = Task()
    state.active_requests.add(task)
    return task


def held(worker: Worker, clock: Clock, *queues: str) -> list[Message]:
    """Messages that came while the worker was full."""
    made = Surplus(worker, clock)
    made.start(worker)
    messages = [Message(queue) for queue in queues]
    for message in messages:
        made.hold(worker, message, worker.taken.append)
    return messages


def test_what_is_held_is_taken_as_soon_as_there_is_a_slot(busy: Task) -> None:
    worker = Worker()
    first, second = held(worker, Clock(), "one", "two")
    worker.pass_time()
    assert worker.taken == []
    state.active_requests.discard(busy)
    worker.pool.num_processes = 2
    worker.pass_time()
    assert worker.taken == [first, second]
    assert worker.due is None
    assert worker.reading == {"one", "two"}


def test_after_a_second_it_is_given_back_and_its_queue_is_not_read_until_there_is_a_slot(busy: Task) -> None:
    worker, clock = Worker(), Clock()
    (message,) = held(worker, clock, "two")
    clock.now = PATIENCE_SECONDS
    worker.pass_time()
    assert message.given_back
    assert worker.reading == {"one"}
    worker.pass_time()
    assert worker.reading == {"one"}
    state.active_requests.discard(busy)
    worker.pass_time()
    assert worker.reading == {"one", "two"}
    assert worker.taken == []
    assert worker.due is None


def test_a_new_connection_knows_nothing_of_what_the_old_one_held(busy: Task) -> None:
    worker = Worker()
    held(worker, Clock(), "one")
    assert worker.surplus is not None
    worker.surplus.start(worker)
    assert worker.due is None
    state.active_requests.discard(busy)
    worker.surplus.look(worker)
    assert worker.taken == []


@pytest.mark.parametrize(("driver", "wanted"), [("amqp", True), ("redis", False)])
def test_only_where_each_queue_has_a_limit_of_its_own(driver: str, wanted: bool) -> None:
    worker: Any = Worker()
    worker.conninfo = SimpleNamespace(transport=SimpleNamespace(driver_type=driver))
    assert Surplus(worker).include_if(worker) is wanted


def test_a_worker_is_full_when_every_slot_has_a_task(busy: Task) -> None:
    worker = Worker()
    assert prefetch.is_full(worker)
    worker.pool.num_processes = 2
    assert not prefetch.is_full(worker)
    state.active_requests.discard(busy)
