"""Probes against small real servers: well, not yet, and why."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from airfleet.agent.probes import component_probe, postgres_probe
from airfleet.agent.probes.component_probe import ProbeSubject
from airfleet.agent.probes.database_connection import DatabaseConnection
from airfleet.agent.probes.results import WELL, HttpError, LateSign, NoAnswer, NotReported, unwell
from airfleet.fleet.planning.plan import BrokerWorks, FileBeats, HttpAnswers, JobBeats, PostgresAnswers, Started
from airfleet.fleet.servers import brokers
from airfleet.spool import job_marks
from support.full_disk import full_disk

SUBJECT = ProbeSubject(
    pid=4711, started_at=time.time(), database=DatabaseConnection("postgresql://a:s3cret@127.0.0.1:9/a")
)
WAS_READY = replace(SUBJECT, was_ready=True)


@contextmanager
def something(says: bytes = b"what?\r\n") -> Iterator[int]:
    """A server that says this to the first who asks something, and listens until that one goes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(1000)
                client.sendall(says)
                while client.recv(1000):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@contextmanager
def web(**statuses: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses[self.path.strip("/")])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_what_only_has_to_run_is_well() -> None:
    assert component_probe.ask(Started(), SUBJECT) == WELL


def test_a_server_that_is_not_there_yet() -> None:
    port = closed_port()
    refused = unwell(NoAnswer("[Errno 111] Connection refused"))
    there = f"127.0.0.1:{port} cannot be reached: connection refused"
    for broker in (f"redis://:s3cret@127.0.0.1:{port}/0", f"amqp://me:s3cret@127.0.0.1:{port}"):
        result = component_probe.ask(BrokerWorks(brokers.parse(broker)), SUBJECT)
        assert result == unwell(NoAnswer(there))
    assert component_probe.ask(HttpAnswers((f"http://127.0.0.1:{port}/",)), SUBJECT) == refused


def test_a_database_that_is_not_there_yet_and_its_password_is_not_shown() -> None:
    for probe in (PostgresAnswers(closed_port(), "s3cret", "s3cret"), JobBeats("SchedulerJob")):
        result = component_probe.ask(probe, SUBJECT)
        assert not result.well
        assert str(result.reason).startswith("does not answer yet: ")
        assert "s3cret" not in str(result.reason)
        assert "\n" not in str(result.reason)


def test_a_database_that_was_ready_is_well_while_it_asks_newcomers_for_a_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", "of somebody else")
    asks = b"R" + struct.pack("!ii", 23, 10) + b"SCRAM-SHA-256\0\0"
    with something(asks) as port:
        assert component_probe.ask(PostgresAnswers(port, "s3cret", "s3cret"), WAS_READY) == WELL


@pytest.mark.parametrize(
    ("code", "said"), [("57P03", "the database system is starting up"), ("53300", "sorry, too many clients already")]
)
def test_a_database_that_was_ready_is_not_well_while_it_starts_or_has_no_room(code: str, said: str) -> None:
    fields = f"SFATAL\0C{code}\0M{said}\0\0".encode()
    starts = b"E" + struct.pack("!i", 4 + len(fields)) + fields
    with something(starts) as port:
        result = component_probe.ask(PostgresAnswers(port, "s3cret", "s3cret"), WAS_READY)
    assert not result.well
    assert str(result.reason).endswith(f"FATAL:  {said}")


def test_a_database_that_was_ready_and_says_nothing_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_probe.greet, "__defaults__", (0.05,))
    with something(b"") as port:
        result = component_probe.ask(PostgresAnswers(port, "s3cret", "s3cret"), WAS_READY)
    assert result == unwell(NoAnswer("no answer within 0.05 s"))


def test_a_database_that_was_ready_and_is_gone() -> None:
    result = component_probe.ask(PostgresAnswers(closed_port(), "s3cret", "s3cret"), WAS_READY)
    assert not result.well
    assert "Connection refused" in str(result.reason)


def test_a_web_server_is_ready_when_every_address_answers() -> None:
    with web(one=200, two=403, three=503) as url:
        assert component_probe.ask(HttpAnswers((f"{url}/one", f"{url}/two")), SUBJECT) == WELL
        result = component_probe.ask(HttpAnswers((f"{url}/one", f"{url}/three")), SUBJECT)
    assert result == unwell(HttpError("/three", 503))


def test_something_else_listens_there() -> None:
    with something() as port:
        result = component_probe.ask(HttpAnswers((f"http://127.0.0.1:{port}/",)), SUBJECT)
    assert not result.well
    assert str(result.reason).startswith("does not answer yet: ")


def test_a_component_that_writes_that_it_is_well(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    probe, now = FileBeats(str(beat), late_seconds=30.0), [0.0]
    subject = replace(SUBJECT, ages=component_probe.FileAges(clock=lambda: now[0]))
    not_yet = unwell(NotReported())
    assert component_probe.ask(probe, subject) == not_yet
    beat.write_text("4710\n")  # of the process before
    assert component_probe.ask(probe, subject) == not_yet
    beat.write_text("4711\n")
    assert component_probe.ask(probe, subject) == WELL
    now[0] = 95
    assert component_probe.ask(probe, subject) == unwell(LateSign(95.0))
    os.utime(beat, (1, 1))  # the clock of the machine was put right: it was touched all the same
    assert component_probe.ask(probe, subject) == WELL
    now[0] = 96
    assert component_probe.ask(probe, subject) == WELL


def test_a_worker_beats(tmp_path: Path) -> None:
    beat, now = tmp_path / "worker.beat", [0.0]
    beat.write_text("17")  # of the one before
    probe = FileBeats(str(beat), late_seconds=9.0)
    database = DatabaseConnection("postgresql://nobody@127.0.0.1:9/a")
    subject = ProbeSubject(os.getpid(), 0.0, database, ages=component_probe.FileAges(clock=lambda: now[0]))
    with full_disk():
        job_marks.beat(beat, os.getpid())
        assert component_probe.ask(probe, subject) == WELL
        now[0] = 10.0
        assert not component_probe.ask(probe, subject).well
        os.utime(beat, (1, 1), follow_symlinks=False)
        job_marks.beat(beat, os.getpid())
        assert component_probe.ask(probe, subject) == WELL
    job_marks.beat(beat, os.getpid())
    now[0] = 11.0
    assert component_probe.ask(probe, subject) == WELL
