"""A worker that is alive and connected and reads no queue any more (Airflow issue 32484), on either broker.

What a restart of the broker does to it by chance is done here on purpose: by Celery's own remote control it is told
to read none of its queues, the one by which it proves that it reads among them. It answers pings all the while.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from airfleet.testing import rabbitmq, witness
from airfleet.testing.history import Event
from airfleet.testing.targets import FleetTarget, Topology
from airfleet.testing.waiting import wait_until
from airfleet.testing.workload import ONE
from support.celery_apps import application, settings_of
from support.single_runs import ask, ask_for_endless, is_told, let_end, times_told, wait_for

#: what is promised: from the moment it reads nothing until another one is ready
READY_SECONDS = 15.0
#: after which that is not waited for any longer
PATIENCE_SECONDS = 45.0


@pytest.fixture(params=[None, rabbitmq.beside], ids=["valkey", "rabbitmq"])
def target(request: pytest.FixtureRequest) -> Iterator[FleetTarget]:
    with FleetTarget(Topology(slots=2), make_broker=request.param) as target:
        yield target


def test_it_is_replaced_in_time_and_what_it_runs_goes_on(target: FleetTarget) -> None:
    fleet = target.fleet
    assert fleet is not None
    ask_for_endless(target, "long")
    wait_for(target, "long", Event.START, 30)
    before = fleet.component("worker").pid
    assert before
    with application(target.broker.url, settings_of(fleet.paths.airflow_home)) as app:
        queues = wait_until(lambda: app.control.inspect(timeout=2.0).active_queues(), 20, "the worker answers")
        ((name, read),) = queues.items()
        assert len(read) == 2  # that of tasks, and its own
        began = time.monotonic()
        for queue in read:
            app.control.cancel_consumer(queue["name"], destination=[name], reply=True, timeout=5.0)
        assert app.control.inspect([name], timeout=5.0).ping()  # it is well, if one asks it
    ask(target, "next", 0.1)
    again = fleet.wait_until_replaced("worker", before, PATIENCE_SECONDS)
    ready = time.monotonic() - began
    wait_for(target, "next", Event.END, PATIENCE_SECONDS)
    taken = min(note.at for note in witness.read(target.witness_folder) if note.task.run_id == "next") - began
    print(f"another worker was ready after {ready:.1f} s, and its first task had begun after {taken:.1f} s")
    assert ready <= READY_SECONDS
    assert not is_told(target, "long", Event.END)
    let_end(target, "long")
    assert fleet.wait_for_run(ONE, "long", 30) == "success"
    assert fleet.component("worker").pid == again.pid
    assert times_told(target, "long", Event.START) == 1
