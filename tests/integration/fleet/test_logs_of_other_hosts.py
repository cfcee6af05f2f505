"""A log of a task that ran on another host, read through the api-server of this one.

Two agents on loopback, each with a home and a folder of logs of its own, as on two machines: *front* has the api-server
and everything that decides, *back* has the worker and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from airfleet.agent.control import HostStatus
from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from airfleet.testing.ports import free_ports
from faultlab.systems.hosts_apart import hosts_apart

pytestmark = pytest.mark.long  # the protocol itself: tests/integration/runtime/test_task_logs.py

FLEET = """\
name: apart
hosts:
  - name: front
    address: 127.0.0.1
    scheduler: true
    dag_processor: true
    triggerer: true
    api_server: {{port: {port}}}
  - name: back
    address: 127.0.0.1
    workers: [{{slots: 2}}]
policies: {{on_partition: keep}}
"""
DAG = """\
import logging
from datetime import timedelta

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator

log = logging.getLogger("airflow.task")


class Waits(BaseOperator):
    def execute(self, context):
        log.info("before it was deferred")
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=1)), method_name="go_on")

    def go_on(self, context, event=None):
        log.info("after it was deferred")


with DAG("apart", schedule=None, is_paused_upon_creation=False):
    Waits(task_id="waits")
"""


@dataclass(frozen=True)
class Apart:
    """The two hosts."""

    front: FleetUnderTest
    back: FleetUnderTest

    def log(self, run: str) -> str:
        """The log of the task as the api-server of *front* gives it."""
        where = ("dags", "apart", "dagRuns", run, "taskInstances", "waits", "logs", 1)
        return str(self.front.api.get(*where, full_content="true"))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    (port,) = free_ports(1)
    folder = tmp_path_factory.mktemp("apart")
    with hosts_apart(folder, FLEET.format(port=port), ("front", "back"), {"pipelines/apart.py": DAG}) as (front, back):
        yield Apart(front, back)


def test_a_log_is_read_where_people_ask_for_it_with_its_parts_from_all_hosts(fleet: Apart) -> None:
    fleet.front.wait_for_dag("apart")
    run = fleet.front.trigger("apart")
    assert fleet.front.wait_for_run("apart", run) == "success"
    assert not list(fleet.front.paths.task_logs.rglob("attempt=1.log"))
    assert list(fleet.back.paths.task_logs.rglob("attempt=1.log"))
    log = fleet.log(run)
    assert "before it was deferred" in log
    assert "after it was deferred" in log
    assert "back: dag_id=apart/" in log
    assert "attempt=1.log.trigger." in log


def test_every_host_that_writes_logs_shows_its_log_server(fleet: Apart) -> None:
    hosts = {host.host: {c.name for c in host.components} for host in wait_for_components(fleet)}
    assert "log-server" in hosts["front"]  # its triggers write logs too
    assert hosts["back"] == {"zygote", "broker", "worker", "log-server"}


def test_what_the_components_of_another_host_wrote_is_shown_to_people(fleet: Apart) -> None:
    wait_for_components(fleet)
    shown = fleet.front.airfleet("logs", "worker", "--host", "back")
    assert shown.returncode == 0, shown.stderr
    assert "celery" in shown.stdout.lower()
    assert not list(fleet.front.paths.logs.glob("worker*.log"))


def wait_for_components(fleet: Apart) -> tuple[HostStatus, ...]:
    def told() -> tuple[HostStatus, ...]:
        hosts = fleet.front.snapshot().hosts
        return hosts if all(host.components for host in hosts) else ()

    found = wait_until(told, 20, "both hosts tell what they run")
    assert found
    return found


def test_a_host_of_workers_is_told_nothing_that_opens_more_than_logs(fleet: Apart) -> None:
    kept = fleet.back.paths.secrets.read_text()
    for name in ("fernet_key", "jwt_secret", "api_secret_key", "user_password"):
        assert name not in kept


def test_a_host_that_is_down_is_named_where_its_log_is_missing(fleet: Apart) -> None:
    run = fleet.front.trigger("apart")
    assert fleet.front.wait_for_run("apart", run) == "success"
    fleet.back.stop()  # for good: this test is the last one
    began = time.monotonic()
    log = fleet.log(run)
    assert time.monotonic() - began < 5
    assert "Host 'back', on which this attempt ran, is not up" in log
    assert "attempt=1.log.trigger." in log  # what is here is shown all the same
