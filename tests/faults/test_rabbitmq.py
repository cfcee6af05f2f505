"""A fleet on RabbitMQ: what its messages and queues are, and that nothing is lost when the broker or a worker fails.

The matrix (:mod:`faultlab.matrix`) is done to a fleet on Valkey elsewhere; these are its rows about brokers.
"""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from kombu import Connection
from kombu.exceptions import OperationalError

from airfleet.agent.probes.broker_line import BrokerRefuses
from airfleet.agent.probes.broker_probe import line_to
from airfleet.drill.records import NoteKind
from airfleet.drill.runner import ExperimentOutcome
from airfleet.drill.waiting import wait_until
from airfleet.drill.workload import ONE, Mix
from airfleet.fleet.servers import brokers
from airfleet.system import procfs
from airfleet.testing.ports import free_ports
from airfleet.worker import queue_declarations
from faultlab.experiment import Experiment, Shape
from faultlab.matrix import BY_NUMBER, late
from faultlab.servers.rabbitmq import RabbitMQ
from faultlab.systems.fleet_system import FleetSystem
from faultlab.systems.topology import Topology
from support.consuming_nothing import check_that_it_is_replaced
from support.single_runs import ask, ask_for_endless, is_told, let_end, times_told, wait_for

pytestmark = pytest.mark.needs("rabbitmq", "openssl")

SLOTS = 8
#: in the latter it is away, too, for as long as it needs to start; `make drill` has all rows
ROWS = ("F18", "F19")
#: a minute is six seconds here
SCALE = 0.1
SHAPE = Shape(
    mix=Mix(tick_seconds=2.0, long_seconds=8.0),
    window_seconds=6.0,
    settle_seconds=4.0,
    patience_seconds=40.0,
    drain_seconds=60.0,
)
#: a machine that runs tests is so many times slower than one that is measured on
FACTOR = 3.0


WORKERS = f"""\
workers:
  - {{name: worker, slots: {SLOTS}}}
  - {{name: both, queues: [one, two], slots: 1}}
  - {{name: second, queues: [two], slots: 1}}
"""
PIPELINE = """\
dag_id: on_{queue}
start_date: 2026-01-01
defaults: {{queue: {queue}}}
tasks:
  - {{id: work, uses: "airfleet.drill.journal:work_from_conf"}}
"""


class SeveralWorkers(FleetSystem):
    """A fleet with two workers more, which share a queue."""

    def _fleet_yaml(self) -> str:
        return re.sub(r"(?m)^workers:.*\n", WORKERS, super()._fleet_yaml())


def with_tls(folder: Path, address: str) -> RabbitMQ:
    """A broker that speaks TLS, too, on a port of its own, with a certificate for this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    new = ("openssl", "req", "-x509", *curve, "-nodes", "-days", "1")
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    subprocess.run([*new, *subject, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    key.chmod(0o644)  # of a server that lives for a minute
    (port,) = free_ports(1)
    return RabbitMQ(
        folder,
        address=address,
        settings={
            "listeners.ssl.local": f"{address}:{port}",
            "ssl_options.certfile": str(certificate),
            "ssl_options.keyfile": str(key),
        },
    )


@pytest.fixture(scope="module")
def target() -> Iterator[FleetSystem]:
    """A fleet with RabbitMQ as its broker."""
    with SeveralWorkers(Topology(slots=SLOTS), make_broker=with_tls) as target:
        fleet = target.fleet
        for queue in ("one", "two"):
            fleet.write(f"pipelines/on_{queue}.yaml", PIPELINE.format(queue=queue))
        for queue in ("one", "two"):
            fleet.wait_for_dag(f"on_{queue}")
        yield target


def rabbit(target: FleetSystem) -> RabbitMQ:
    """Its broker."""
    assert isinstance(target.broker, RabbitMQ)
    return target.broker


def main_worker(target: FleetSystem) -> int:
    """The pid of the worker of the default queue."""
    pid = target.fleet.component("worker").pid
    assert pid is not None
    return pid


def test_tasks_wait_in_quorum_queues_and_no_other_queue_outlives_its_worker(target: FleetSystem) -> None:
    ask(target, "first", 0.1)
    wait_for(target, "first", NoteKind.END, 30)
    kinds = {name: kind for name, (kind, _, _) in rabbit(target).queues().items()}
    named = [target.fleet.queue_in_broker(queue) for queue in ("default", "one", "two")]
    assert {kinds[queue] for queue in named} == {"quorum"}
    assert not [name for name in kinds if name.startswith("celery_delayed")]
    listed = rabbit(target).control("list_queues", "--quiet", "--no-table-headers", "name", "durable").splitlines()
    assert sorted(line.split("\t")[0] for line in listed if line.endswith("true")) == named


def test_a_message_does_not_print_the_token_that_it_carries(target: FleetSystem) -> None:
    worker = main_worker(target)
    os.kill(worker, signal.SIGSTOP)  # so that a message stays where it can be read
    default = target.fleet.queue_in_broker("default")
    runs = [f"read-{number}" for number in range(SLOTS + 1)]  # one more than the worker is sent
    try:
        for run in runs:
            ask(target, run, 0.1)
        with Connection(rabbit(target).url) as connection:
            channel = connection.default_channel
            message = wait_until(lambda: channel.basic_get(default), 8, "a message waits")
            channel.basic_reject(message.delivery_tag, requeue=True)
    finally:
        os.kill(worker, signal.SIGCONT)
    (workload,), _, _ = json.loads(message.body)
    token = json.loads(workload)["token"]
    assert len(token) > 100
    assert token not in json.dumps(message.headers)
    assert message.headers["argsrepr"] == "(workload)"
    for run in runs:
        wait_for(target, run, NoteKind.END, 30)


@pytest.mark.long
def test_a_worker_that_takes_no_more_tasks_is_replaced_and_what_it_runs_goes_on(target: FleetSystem) -> None:
    fleet = target.fleet
    ask_for_endless(target, "long")
    wait_for(target, "long", NoteKind.START, 30)
    worker = main_worker(target)
    began = time.monotonic()
    os.kill(worker, signal.SIGSTOP)  # it is there, and connected, and takes nothing
    ask(target, "next", 0.1)
    again = fleet.wait_until_replaced("worker", worker, 15.0 * FACTOR)
    print(f"replaced after {time.monotonic() - began:.1f} s")
    assert "took nothing from its queues" in fleet.paths.log("agent").read_text()
    wait_for(target, "next", NoteKind.END, 15)
    assert is_told(target, "long", NoteKind.START)
    assert not is_told(target, "long", NoteKind.END)
    let_end(target, "long")
    assert fleet.wait_for_run(ONE, "long", 30) == "success"
    wait_until(lambda: not procfs.is_alive(worker), 40, "the old worker is gone")
    assert fleet.component("worker").pid == again.pid
    assert times_told(target, "long", NoteKind.START) == 1


def test_a_worker_that_reads_no_queue_is_replaced_and_what_it_runs_goes_on(target: FleetSystem) -> None:
    check_that_it_is_replaced(target, 15.0 * FACTOR)


def test_by_tls_the_certificate_of_the_server_is_checked(target: FleetSystem) -> None:
    broker = rabbit(target)
    address = broker.settings["listeners.ssl.local"].rpartition(":")[2]
    url = f"amqps://airfleet:{broker.password}@localhost:{address}/"
    authority = broker.folder / "certificate.pem"
    line_to(brokers.parse(f"{url}?ca={authority}")).check()
    with pytest.raises(OSError, match="certificate verify failed"):
        line_to(brokers.parse(url)).check()
    tls = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": str(authority)}
    with Connection(brokers.parse(url).url, ssl=tls) as connection:
        connection.ensure_connection(max_retries=1)


def test_by_tls_workers_and_schedulers_check_the_name_of_the_server_too(target: FleetSystem) -> None:
    broker = rabbit(target)
    port = broker.settings["listeners.ssl.local"].rpartition(":")[2]
    app = Celery(set_as_current=False)
    queue_declarations.prepare(app)
    app.conf.broker_use_ssl = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": str(broker.folder / "certificate.pem")}
    with app.connection_for_write(f"amqps://airfleet:{broker.password}@localhost:{port}/") as named:
        for _ in range(2):  # also when it is connected again
            named.ensure_connection(max_retries=1)
            named.collect()
    with (
        app.connection_for_write(f"amqps://airfleet:{broker.password}@127.0.0.1:{port}/") as other,
        pytest.raises(OperationalError, match=r"certificate is not valid for '127\.0\.0\.1'"),
    ):
        other.ensure_connection(max_retries=1)


def test_what_rabbitmq_refuses_is_said_without_the_password(target: FleetSystem) -> None:
    url = rabbit(target).url
    with pytest.raises(BrokerRefuses, match=r"^refuses the user or the password$"):
        line_to(brokers.parse(url.replace(rabbit(target).password, "hush"))).check()
    with pytest.raises(BrokerRefuses, match=r"^does not let this user into the virtual host 'nowhere'$"):
        line_to(brokers.parse(f"{url}nowhere")).check()


def test_a_worker_that_is_full_holds_no_task_that_another_could_run(target: FleetSystem) -> None:
    ask_for_endless(target, "hours", "on_one")
    wait_for(target, "hours", NoteKind.START, 30)
    runs = [f"minutes-{number}" for number in range(3)]
    for run in runs:
        ask(target, run, 0.1, "on_two")
    for run in runs:
        wait_for(target, run, NoteKind.END, 15)
    assert not is_told(target, "hours", NoteKind.END)
    let_end(target, "hours")
    wait_for(target, "hours", NoteKind.END, 15)


@pytest.fixture(scope="module")
def outcome(target: FleetSystem) -> ExperimentOutcome:
    """The broker away, hanging, wiped and started anew."""
    trials = [BY_NUMBER[number].trial(SCALE, after_seconds=2.0) for number in ROWS]
    return Experiment(target, SHAPE, "rabbit", print).run(trials)


@pytest.mark.long
def test_whatever_becomes_of_the_broker_nothing_is_lost_and_nothing_runs_twice(outcome: ExperimentOutcome) -> None:
    assert [str(violation) for violation in outcome.violations] == []
    assert outcome.runs > 15


@pytest.mark.long
def test_tasks_start_again_within_seconds_of_its_return(outcome: ExperimentOutcome) -> None:
    assert late(ROWS, outcome, FACTOR) == ()
