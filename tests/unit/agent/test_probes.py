"""A real agent with a broker: it says how that is, and replaces a worker that takes nothing although it is well."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.plan import BrokerWorks, Component, FileBeats, Watch
from airfleet.fleet.servers import brokers
from airfleet.system import procfs
from faultlab.servers.broker_under_test import Valkey
from support.toy_agent import SECONDS, Toy, program, toy

STAY = "while :; do sleep 0.05; done"
#: an agent asks a broker that has been well for so long, and a worker that is late, within this
PATIENCE = SECONDS


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey that is not started yet."""
    tmp_path.chmod(0o755)
    with_it = Valkey(tmp_path / "valkey")
    yield with_it
    with_it.__exit__(None, None, None)


def watch(url: str) -> Component:
    """The watch over a broker."""
    broker = brokers.parse(url)
    return Component("broker", "broker", Watch(), BrokerWorks(broker), address=broker.address)


def reason_of(running: Toy, name: str) -> str:
    return running.component(name).reason


def test_what_needs_the_broker_waits_for_it_and_status_says_why(broker: Valkey) -> None:
    worker = program("worker", STAY, needs=("broker",))
    with toy(watch(broker.url), worker) as running:
        wait_until(lambda: reason_of(running, "broker"), SECONDS, "it says what is wrong")
        assert reason_of(running, "broker").endswith(f"127.0.0.1:{broker.port} cannot be reached: connection refused")
        assert running.component("worker").state == "waiting"
        broker.start()
        running.wait(lambda now: now.healthy, "everything is ready")
        running.stop()
        assert "broker has stopped" not in running.log()


def test_a_broker_that_refuses_the_password_is_not_waited_for(broker: Valkey) -> None:
    broker.start()
    with toy(watch(broker.url.replace(broker.password, "hush"))) as running:
        gone = running.wait_for("broker", "gave_up")
        assert gone.reason == "refuses the user or the password"
        assert "hush" not in running.paths.log("agent").read_text()


#: a worker that works only until it gets a word, and then only waits for what it has begun
WORKER = """
trap 'echo drained >> {ledger}; exit 0' TERM
while :; do
    [ -e {stuck}.$$ ] || echo $$ > {beat}
    [ -e {stuck} ] && mv {stuck} {stuck}.$$
    sleep 0.1
done
"""


def test_a_worker_that_is_silent_while_the_broker_is_well_is_replaced_and_may_end_what_it_has(
    broker: Valkey, tmp_path: Path
) -> None:
    broker.start()
    beat, stuck, ledger = tmp_path / "beat", tmp_path / "stuck", tmp_path / "ledger"
    probe = FileBeats(str(beat), 1.0, brokers.parse(broker.url))
    script = WORKER.format(beat=beat, stuck=stuck, ledger=ledger)
    with toy(watch(broker.url), program("worker", script, kind="worker", probe=probe)) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        first = running.component("worker").pid
        stuck.touch()
        began = time.monotonic()
        wait_until(lambda: running.component("worker").pid not in (None, first), PATIENCE, "another one runs")
        assert time.monotonic() - began < 15
        running.wait_for("worker", "ready")
        wait_until(ledger.exists, SECONDS, "the first one was asked to end")
        assert first is not None
        wait_until(lambda: not procfs.is_alive(first), SECONDS, "the first one has ended")
        died = [line for line in running.log() if "took nothing from its queues" in line]
        assert died
        assert running.component("worker").restarts == 1


def test_no_worker_is_replaced_because_the_broker_is_away(broker: Valkey, tmp_path: Path) -> None:
    broker.start()
    beat = tmp_path / "beat"
    probe = FileBeats(str(beat), 1.0, brokers.parse(broker.url))
    with toy(watch(broker.url), program("worker", f"echo $$ > {beat}; {STAY}", kind="worker", probe=probe)) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        broker.kill()
        first = running.component("worker").pid
        os.utime(beat, (1, 1))
        running.wait_for("broker", "degraded")  # after some patience, much longer than a worker has
        assert running.component("worker").pid == first
        assert "the broker" in reason_of(running, "worker") or running.component("worker").state == "ready"
