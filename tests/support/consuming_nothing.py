"""A worker that is alive and connected and reads no queue any more (Airflow issue 32484), on whatever broker.

What a restart of the broker does to it by chance is done here on purpose: by Celery's own remote control it is told
to read none of its queues, the one by which it proves that it reads among them. It answers pings all the while.
"""

from __future__ import annotations

import time

from airfleet.drill import journal
from airfleet.drill.records import NoteKind
from airfleet.drill.waiting import wait_until
from airfleet.drill.workload import ONE
from airfleet.testing.fleet import FleetUnderTest
from faultlab.systems.fleet_system import FleetSystem
from support.celery_apps import application, settings_of
from support.single_runs import ask, ask_for_endless, is_told, let_end, times_told, wait_for

#: after which that is not waited for any longer
PATIENCE_SECONDS = 45.0
#: the runs: one that goes on in the old worker, and one that only another one can begin
LONG, NEXT = "goes-on-unread", "waits-unread"


def check_that_it_is_replaced(target: FleetSystem, within_seconds: float) -> None:
    """Have the worker of the default queue read nothing; another one is ready in time, and what it runs goes on."""
    fleet = target.fleet
    ask_for_endless(target, LONG)
    wait_for(target, LONG, NoteKind.START, 30)
    before = fleet.component("worker").pid
    assert before
    began = read_nothing(target, fleet)
    ask(target, NEXT, 0.1)
    again = fleet.wait_until_replaced("worker", before, PATIENCE_SECONDS)
    ready = time.monotonic() - began
    wait_for(target, NEXT, NoteKind.END, PATIENCE_SECONDS)
    taken = min(note.at for note in journal.read(target.witness_folder) if note.task.run_id == NEXT) - began
    print(f"another worker was ready after {ready:.1f} s, and its first task had begun after {taken:.1f} s")
    assert ready <= within_seconds
    assert not is_told(target, LONG, NoteKind.END)
    let_end(target, LONG)
    assert fleet.wait_for_run(ONE, LONG, 30) == "success"
    assert fleet.component("worker").pid == again.pid
    assert times_told(target, LONG, NoteKind.START) == 1


def read_nothing(target: FleetSystem, fleet: FleetUnderTest) -> float:
    """Tell the worker of the default queue to; when that began."""
    default = fleet.queue_in_broker("default")
    with application(target.broker.url, settings_of(fleet.paths.airflow_home)) as app:

        def readers() -> list[tuple[str, list[str]]]:
            every = app.control.inspect(timeout=2.0).active_queues() or {}
            read = [(name, [queue["name"] for queue in queues]) for name, queues in every.items()]
            return [(name, queues) for name, queues in read if default in queues]

        ((name, queues),) = wait_until(readers, 20, "the worker answers")
        assert len(queues) == 2  # that of tasks, and its own
        began = time.monotonic()
        for queue in queues:
            app.control.cancel_consumer(queue, destination=[name], reply=True, timeout=5.0)
        assert app.control.inspect([name], timeout=5.0).ping()  # it is well, if one asks it
    return began
