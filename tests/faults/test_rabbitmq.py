"""A fleet on RabbitMQ: what its messages and queues are, and that nothing is lost when the broker or a worker fails.

The matrix (:mod:`airfleet.testing.matrix`) is done to a fleet on Valkey elsewhere; these are its rows about brokers.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest
from kombu import Connection

from airfleet.testing import processes, witness
from airfleet.testing.experiment import Experiment, Outcome, Shape
from airfleet.testing.history import Event
from airfleet.testing.matrix import BY_NUMBER
from airfleet.testing.rabbitmq import RabbitMQ
from airfleet.testing.targets import FleetTarget, Topology
from airfleet.testing.waiting import wait_until
from airfleet.testing.workload import ONE, Mix

SLOTS = 4
ROWS = ("F17", "F18", "F19", "F20")
#: a minute away is six seconds here; RabbitMQ needs more than that to start
SCALE = 0.1
SHAPE = Shape(
    mix=Mix(long_seconds=8.0), window_seconds=6.0, settle_seconds=4.0, patience_seconds=45.0, drain_seconds=60.0
)
#: a machine that runs other tests, too, is slower than one that is measured on
SLACK_SECONDS = 10.0


@pytest.fixture(scope="module")
def target() -> Iterator[FleetTarget]:
    """A fleet with RabbitMQ as its broker."""
    with FleetTarget(Topology(slots=SLOTS), make_broker=RabbitMQ) as target:
        yield target


def rabbit(target: FleetTarget) -> RabbitMQ:
    """Its broker."""
    assert isinstance(target.broker, RabbitMQ)
    return target.broker


def ask(target: FleetTarget, run_id: str, seconds: float) -> None:
    """Ask for a run of one task."""
    body = {"logical_date": None, "dag_run_id": run_id, "conf": {"seconds": seconds}}
    target.api.post("dags", ONE, "dagRuns", body=body)


def is_told(target: FleetTarget, run_id: str, event: Event) -> bool:
    """Whether the task of a run wrote this down."""
    return any(n.task.run_id == run_id and n.event == event for n in witness.read(target.witness_folder))


def wait_for(target: FleetTarget, run_id: str, event: Event, seconds: float) -> None:
    """Wait until the task of a run wrote this down."""
    wait_until(lambda: is_told(target, run_id, event), seconds, f"{run_id} says {event}")


def test_tasks_wait_in_quorum_queues_and_no_other_queue_outlives_its_worker(target: FleetTarget) -> None:
    ask(target, "first", 0.1)
    wait_for(target, "first", Event.END, 30)
    kinds = {name: kind for name, (kind, _, _) in rabbit(target).queues().items()}
    assert kinds["default"] == "quorum"
    assert not [name for name in kinds if name.startswith("celery_delayed")]
    listed = rabbit(target).control("list_queues", "--quiet", "--no-table-headers", "name", "durable").splitlines()
    assert [line.split("\t")[0] for line in listed if line.endswith("true")] == ["default"]


def test_a_message_does_not_print_the_token_that_it_carries(target: FleetTarget) -> None:
    (worker,) = target.pids("worker")
    os.kill(worker, signal.SIGSTOP)  # so that a message stays where it can be read
    runs = [f"read-{number}" for number in range(SLOTS + 1)]  # one more than the worker is sent
    try:
        for run in runs:
            ask(target, run, 0.1)
        with Connection(rabbit(target).url) as connection:
            message = wait_until(lambda: connection.default_channel.basic_get("default"), 8, "a message waits")
            message.reject(requeue=True)
    finally:
        os.kill(worker, signal.SIGCONT)
    (workload,), _, _ = json.loads(message.body)
    token = json.loads(workload)["token"]
    assert len(token) > 100
    assert token not in json.dumps(message.headers)
    assert message.headers["argsrepr"] == "(workload)"
    for run in runs:
        wait_for(target, run, Event.END, 30)


def test_a_worker_that_takes_no_more_tasks_is_replaced_and_what_it_runs_goes_on(target: FleetTarget) -> None:
    fleet = target.fleet
    assert fleet is not None
    ask(target, "long", 30.0)
    wait_for(target, "long", Event.START, 30)
    (worker,) = target.pids("worker")
    began = time.monotonic()
    os.kill(worker, signal.SIGSTOP)  # it is there, and connected, and takes nothing
    ask(target, "next", 0.1)
    again = fleet.wait_until_replaced("worker", worker, 15.0 + SLACK_SECONDS)
    print(f"replaced after {time.monotonic() - began:.1f} s")
    assert "took nothing from its queues" in fleet.paths.log("agent").read_text()
    wait_for(target, "next", Event.END, 15)
    assert is_told(target, "long", Event.START)
    assert not is_told(target, "long", Event.END)
    assert fleet.wait_for_run(ONE, "long", 60) == "success"
    wait_until(lambda: not processes.is_alive(worker), 40, "the old worker is gone")
    assert fleet.component("worker").pid == again.pid
    starts = [n for n in witness.read(target.witness_folder) if n.task.run_id == "long" and n.event == Event.START]
    assert len(starts) == 1


@pytest.fixture(scope="module")
def outcome(target: FleetTarget) -> Outcome:
    """The broker away, hanging, wiped and started anew."""
    trials = [BY_NUMBER[number].trial(SCALE, after_seconds=2.0) for number in ROWS]
    return Experiment(target, SHAPE, "rabbit", print).run(trials)


def test_whatever_becomes_of_the_broker_nothing_is_lost_and_nothing_runs_twice(outcome: Outcome) -> None:
    assert [str(violation) for violation in outcome.violations] == []
    assert outcome.runs > 50


def test_tasks_start_again_within_seconds_of_its_return(outcome: Outcome) -> None:
    found = {number: one.seconds for number, one in zip(ROWS, outcome.recoveries, strict=True)}
    late = {
        f"{number} {watch}: {seconds}"
        for number, by_watch in found.items()
        for watch, seconds in by_watch.items()
        if seconds is None or seconds > BY_NUMBER[number].promised[watch].most + SLACK_SECONDS
    }
    assert late == set()
