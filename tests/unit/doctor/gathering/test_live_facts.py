"""Probes find what they are for, and change nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from airfleet.agent.control import ComponentStatus, Snapshot
from airfleet.agent.states import State
from airfleet.doctor.gathering import listening_sockets, live_facts
from airfleet.doctor.gathering.situation import Situation
from airfleet.drill.waiting import wait_until
from airfleet.errors import FleetError
from airfleet.fleet.planning.plan import Component, HttpAnswers, Plan, Watch
from airfleet.fleet.servers.secrets import Secrets

LISTENS = "import socket, sys, time; one = socket.create_server((sys.argv[1], 0)); time.sleep(60)"


def kept(situation: Situation) -> Secrets:
    assert isinstance(situation.secrets, Secrets)
    return situation.secrets


def test_a_secret_in_a_log_is_named_with_the_file_and_not_repeated(situation: Situation) -> None:
    paths, secrets = situation.paths, kept(situation)
    paths.logs.mkdir()
    (paths.logs / "agent.log").write_text("all is well\n")
    assert live_facts.written_secrets(situation).leaks == ()
    (paths.logs / "worker.log").write_text(f"redis://:{secrets.broker_password}@queue\n")
    found = live_facts.written_secrets(situation)
    assert found.leaks == (f"{paths.logs / 'worker.log'} has broker_password in clear",)
    assert secrets.broker_password not in repr(found)


def test_a_worker_with_a_key_of_the_control_plane_is_found(
    situation: Situation, snapshot: Snapshot, marked: Callable[..., int]
) -> None:
    well = marked("sleep", "60", BROKER=kept(situation).broker_password)  # that one is a worker's own
    ill = marked("sleep", "61", KEY=kept(situation).jwt_secret)
    for pid, leaks in ((well, ()), (ill, (f"process {ill} of a worker has jwt_secret",))):
        worker = ComponentStatus("worker", "worker", State.READY, pid=pid)
        assert live_facts.worker_secrets(situation, replace(snapshot, components=(worker,))).leaks == leaks
    with pytest.raises(FleetError, match="no worker runs here"):
        live_facts.worker_secrets(situation, snapshot)


@pytest.mark.parametrize(("address", "leaks"), [("127.0.0.1", 0), ("0.0.0.0", 1)])
def test_a_door_on_every_address_is_found(
    situation: Situation, snapshot: Snapshot, marked: Callable[..., int], address: str, leaks: int
) -> None:
    pid = marked(sys.executable, "-c", LISTENS, address)
    wait_until(lambda: listening_sockets.of_processes([pid]), 10, "it listens")
    [door] = listening_sockets.of_processes([pid])
    found = live_facts.open_doors(situation, snapshot).leaks
    told = f"process {pid} listens on 0.0.0.0:{door.port}, which is every address of this machine"
    assert found == (told,) * leaks
    meant = ComponentStatus("api-server", "api-server", State.READY, address=f"0.0.0.0:{door.port}")
    assert live_facts.open_doors(situation, replace(snapshot, components=(meant,))).leaks == ()


@contextmanager
def flower_that_answers(status: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/flower"
        server.shutdown()


@pytest.mark.parametrize(("status", "pages"), [(200, 4), (401, 0), (403, 0)])
def test_a_flower_without_a_password_is_found_page_by_page(tmp_path: Path, status: int, pages: int) -> None:
    with flower_that_answers(status) as base:
        one = Component("flower", "flower", Watch(), HttpAnswers((f"{base}/healthcheck",)))
        found = live_facts.flower(Plan("shop", tmp_path, (one,), {}, {}, "", "admin"))
    assert len(found.leaks) == pages
    assert pages == 0 or found.leaks[0] == f"Flower answers {base}/workers without a password (200)"


def test_a_host_without_flower_or_proxy_has_nothing_to_try(tmp_path: Path) -> None:
    plan = Plan("shop", tmp_path, (), {}, {}, "", "admin")
    with pytest.raises(FleetError, match="Flower does not run on this host"):
        live_facts.flower(plan)
    with pytest.raises(FleetError, match="no proxy that speaks TLS"):
        live_facts.handshake(plan)
