"""A real agent whose database does not answer any more: what it ends, what it leaves, and how it comes back."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from airfleet.agent import control
from airfleet.agent.cluster.peers import PeerServer
from airfleet.agent.cluster.quorum import FENCE_SECONDS, LEASE_SECONDS
from airfleet.agent.cluster.watchdog import LOOK_SECONDS
from airfleet.agent.control import Snapshot
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.plan import Neighbours
from airfleet.metadata.migrations import runner
from airfleet.system import procfs
from airfleet.testing.servers import Servers
from support.toy_agent import Toy, program, toy

KEY = "the fleet's"
STAY = "while :; do sleep 0.05; done"
COMPONENTS = (program("worker", STAY, "worker", group="worker"), program("api", STAY, "api-server"))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("cut-off")) as running:
        yield running


@pytest.fixture
def url(servers: Servers, request: pytest.FixtureRequest) -> str:
    found = servers.database(f"cut_{abs(hash(request.node.name)) % 10**8}")
    with psycopg.connect(found, autocommit=True) as db:
        db.execute("CREATE TABLE job (id serial, hostname text, job_type text, state text, end_date timestamptz)")
        db.execute(
            "CREATE TABLE task_instance (id uuid, pid int, hostname text, state text, external_executor_id text,"
            " dag_id text, run_id text, task_id text, map_index int, try_number int, last_heartbeat_at timestamptz)"
        )
        runner.apply(db)
    return found


def joined(url: str, host: str = "one") -> dict[str, object]:
    around = Neighbours(names=("one", "two", "three"), on_partition="replace", address="127.0.0.1", port=0, key=KEY)
    return {"database_url": url, "host": host, "neighbours": around}


def ready(running: Toy) -> Snapshot:
    return running.wait(lambda now: now.healthy and len(now.hosts) > 0, "it has its lease, and all is ready")


def test_a_host_that_is_cut_off_ends_its_attempts_and_nothing_else(servers: Servers, url: str) -> None:
    with toy(*COMPONENTS, **joined(url)) as running:  # type: ignore[arg-type]
        ready(running)
        worker, api = running.component("worker").pid, running.component("api").pid
        assert worker
        assert api
        began = time.monotonic()
        servers.pause("postgres")
        try:
            wait_until(lambda: not procfs.is_alive(worker), LEASE_SECONDS, "its worker has ended")
            assert FENCE_SECONDS - 3 < time.monotonic() - began < LEASE_SECONDS
            assert procfs.is_alive(api)
        finally:
            servers.resume("postgres")
        running.wait_for("worker", "ready")
        assert running.component("api").pid == api


def test_an_outage_that_others_have_too_ends_nothing(servers: Servers, url: str) -> None:
    other = PeerServer("127.0.0.1", 0, KEY, "two", lambda: False)
    other.start()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "INSERT INTO airfleet_host (host, boot, hostname, pid, address, port)"
            " VALUES ('two', 'b1', 'two.b1', 1, '127.0.0.1', %s)",
            (other.port,),
        )
    with toy(*COMPONENTS, **joined(url)) as running:  # type: ignore[arg-type]
        ready(running)
        worker = running.component("worker").pid
        assert worker
        servers.pause("postgres")
        try:
            until = time.monotonic() + FENCE_SECONDS + 4
            wait_until(lambda: time.monotonic() > until or not procfs.is_alive(worker), 30, "the outage was long")
        finally:
            servers.resume("postgres")
        assert running.component("worker").pid == worker
    other.close()


def test_a_host_that_was_taken_over_comes_back_as_another_boot(url: str) -> None:
    with toy(*COMPONENTS, **joined(url)) as running:  # type: ignore[arg-type]
        before = ready(running).hosts[0].boot
        worker = running.component("worker").pid
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("UPDATE airfleet_host SET state = 'gone', ended_by = 'two' WHERE host = 'one'")
        running.wait(lambda now: now.hosts[0].boot != before and now.healthy, "it is back as another boot")
        assert running.component("worker").pid != worker


def test_attempts_end_in_time_when_their_agent_hangs(url: str) -> None:
    with toy(*COMPONENTS, **joined(url)) as running:  # type: ignore[arg-type]
        ready(running)
        worker, api = running.component("worker").pid, running.component("api").pid
        assert worker
        assert api
        began = time.monotonic()
        running.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: not runs(worker), LEASE_SECONDS, "the guard has ended the worker")
        assert time.monotonic() - began < LEASE_SECONDS - 2
        assert runs(api)


@pytest.mark.long
def test_attempts_that_outlived_their_worker_end_in_time_when_their_agent_hangs(url: str, tmp_path: Path) -> None:
    """The worker was drained, and its leader has ended before its last attempt, as one that is killed does."""
    slot = tmp_path / "slot"
    leaves_one = f"sh -c 'echo $$ > {slot}.new; mv {slot}.new {slot}; exec sleep 1000' & {STAY}"
    worker = program("worker", leaves_one, "worker", group="worker")
    with toy(worker, program("api", STAY, "api-server"), **joined(url)) as running:  # type: ignore[arg-type]
        ready(running)
        wait_until(slot.exists, 10, "its slot runs", pause_seconds=0.02)
        attempt, api = int(slot.read_text()), running.component("api").pid
        assert api
        control.tell(running.paths.socket, {"do": "order", "host": "one", "orders": {"drained": True}})
        running.wait(lambda now: now.components[0].reason == "drained", "the leader has ended")
        until = time.monotonic() + 2 * LOOK_SECONDS
        wait_until(lambda: time.monotonic() > until, 30, "the agent has looked at what is left")
        assert runs(attempt)
        began = time.monotonic()
        running.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: not runs(attempt), LEASE_SECONDS, "the guard has ended what was left")
        assert time.monotonic() - began < LEASE_SECONDS - 2
        assert runs(api)


def test_attempts_that_outlived_their_worker_end_when_their_host_is_cut_off(
    servers: Servers, url: str, tmp_path: Path
) -> None:
    slot = tmp_path / "slot"
    once = f"[ -e {slot} ] && exit 1; sh -c 'echo $$ > {slot}.new; mv {slot}.new {slot}; exec sleep 1000' & sleep 1"
    with toy(program("worker", once, "worker", group="worker"), **joined(url)) as running:  # type: ignore[arg-type]
        running.wait_for("worker", "gave_up", "backoff")
        attempt = int(slot.read_text())
        servers.pause("postgres")
        try:
            wait_until(lambda: not runs(attempt), LEASE_SECONDS, "what was left has ended")
        finally:
            servers.resume("postgres")


def runs(pid: int) -> bool:
    """Whether a process does anything any more; an agent that was stopped reaps none."""
    return procfs.is_alive(pid) and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
