"""Who falls asleep, who is called dead, and how one that sleeps is started again."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from airfleet.agent.agent import AgentParts
from airfleet.agent.assembly import assemble
from airfleet.agent.sleep.sleeper import Asleep, Cause
from airfleet.agent.states import State
from airfleet.agent.supervisor.process import Running
from airfleet.drill.waiting import wait_until
from airfleet.events import Event
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Component, Fork, Plan, Sleep, Wake
from airfleet.spool import job_marks, sleep_records
from airfleet.spool.job_marks import JobMark
from airfleet.spool.sleep_records import SleepRecord
from airfleet.testing.ports import free_ports

#: no process has it
PID = 2**22 + 1


@dataclass
class Host:
    """An agent whose loop does not run."""

    parts: AgentParts
    home: Path
    port: int
    said: list[Event] = field(default_factory=list)

    def component(self, name: str) -> Running:
        return self.parts.components.by_name[name]

    def runs(self, name: str) -> Running:
        """Have a component be ready."""
        running = self.component(name)
        running.move_to(State.STARTING, 0.0)
        running.began(PID, 0.0, 0.0)
        running.move_to(State.READY, 0.0)
        return running

    def ends(self, name: str, status: int = 0) -> Running:
        running = self.component(name)
        self.parts.supervisor.ended(running, status)
        return running


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    (port,) = free_ports(1)
    components = (
        Component("triggerer", "triggerer", Fork("triggerer"), sleep=Sleep(Wake.DEFERRED, 10.0)),
        Component("scheduler", "scheduler", Fork("scheduler")),
        Component(
            "flower", "flower", Fork("flower"), sleep=Sleep(Wake.ASKED, 60.0, ("127.0.0.1", port), from_start=True)
        ),
    )
    paths = Paths(tmp_path / "home", tmp_path / "run")
    for made in (paths.home, paths.runtime, paths.logs, paths.airflow_home):
        made.mkdir(parents=True)
    said: list[Event] = []
    plan = Plan("toy", tmp_path, components, {}, {}, url="", user="")
    parts = assemble(plan, paths, lambda event, **_: said.append(event))._parts
    yield Host(parts, paths.airflow_home, port, said)
    parts.sleepers.close()


def test_a_process_that_left_its_record_sleeps_and_is_not_called_dead(host: Host) -> None:
    host.runs("triggerer")
    sleep_records.write(host.home, SleepRecord("triggerer", PID))
    running = host.ends("triggerer")
    assert (running.state, running.reason) == (State.SLEEPING, Asleep(Wake.DEFERRED))
    assert (running.deaths, running.pid) == ([], None)
    assert Event.COMPONENT_DIED not in host.said
    assert sleep_records.read(host.home, "triggerer") is None, "it counts once"
    assert host.parts.reporter.snapshot().healthy is False  # others wait for their start
    assert host.component("triggerer").status(1.0).reason == "until a task is deferred"


@pytest.mark.parametrize(
    ("name", "pid", "status"),
    [("triggerer", PID + 1, 0), ("triggerer", PID, 256), ("triggerer", PID, 9), ("scheduler", PID, 0)],
    ids=["another process's record", "an exit code", "killed", "a kind that never sleeps"],
)
def test_any_other_end_is_a_death(host: Host, name: str, pid: int, status: int) -> None:
    host.runs(name)
    sleep_records.write(host.home, SleepRecord(name, pid))
    running = host.ends(name, status)
    assert (running.state, len(running.deaths)) == (State.BACKOFF, 1)


def test_one_that_was_told_to_end_has_stopped_also_when_it_was_about_to_sleep(host: Host) -> None:
    running = host.runs("triggerer")
    sleep_records.write(host.home, SleepRecord("triggerer", PID))
    running.move_to(State.STOPPING, 1.0)
    assert host.ends("triggerer").state == State.STOPPED


def test_a_person_who_restarts_it_starts_it(host: Host) -> None:
    host.runs("triggerer")
    sleep_records.write(host.home, SleepRecord("triggerer", PID))
    host.ends("triggerer")
    host.parts.supervisor.restart("triggerer")
    assert host.component("triggerer").state == State.WAITING
    assert host.said[-2:] == [Event.COMPONENT_WOKEN, Event.COMPONENT_CHANGED]
    assert not host.parts.sleepers.wake_up("triggerer", Cause.PERSON), "it sleeps no more"


def test_the_job_of_one_that_sleeps_is_not_fenced_and_its_mark_goes_with_the_fleet(host: Host) -> None:
    host.runs("triggerer")
    mark = JobMark("triggerer", PID, 3)
    job_marks.write_job(host.home, mark)
    sleep_records.write(host.home, SleepRecord("triggerer", PID))
    host.ends("triggerer")
    assert Event.JOB_FENCED not in host.said
    assert job_marks.read_job(host.home, "triggerer") == mark, "an agent that dies leaves it to the next one"
    host.parts.sleepers.close()
    assert job_marks.read_job(host.home, "triggerer") is None


def test_a_server_sleeps_from_the_start_and_a_caller_starts_it_whose_connection_waits(host: Host) -> None:
    running = host.component("flower")
    assert host.parts.sleepers.starts_asleep(running)
    assert running.state == State.SLEEPING
    with socket.create_connection(("127.0.0.1", host.port), timeout=5.0) as caller:
        for key, _ in host.parts.selector.select(5.0):
            key.data(key.fileobj)
        host.parts.sleepers.wake()
        assert running.state == State.WAITING
        assert not host.parts.sleepers.starts_asleep(running), "it was called"
        descriptor = host.parts.sleepers.listeners.descriptor("flower")
        assert descriptor is not None
        with socket.socket(fileno=os.dup(descriptor)) as inherited:
            inherited.settimeout(5.0)
            accepted, _ = inherited.accept()
            accepted.sendall(b"late, but here")
            accepted.close()
        assert caller.recv(100) == b"late, but here"


def test_a_port_that_somebody_has_is_left_to_the_component_to_complain_about(host: Host) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", host.port))
        other.listen()
        assert not host.parts.sleepers.starts_asleep(host.component("flower"))
    assert host.component("flower").state == State.WAITING


def test_a_component_that_sleeps_stops_with_the_fleet(host: Host) -> None:
    host.runs("triggerer")
    sleep_records.write(host.home, SleepRecord("triggerer", PID))
    host.ends("triggerer")
    host.parts.shutdown.begin(force=False)
    wait_until(lambda: host.parts.supervisor.end() or host.parts.shutdown.done, 5.0, "all have stopped")
    assert host.component("triggerer").state == State.STOPPED
