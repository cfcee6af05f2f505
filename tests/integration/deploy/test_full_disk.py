"""A host whose disk is full: named before anything changes, and a disk that fills up meanwhile hurts nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.deploy.deployment import Refused
from airfleet.errors import FleetError
from faultlab.injectors.small_disk import fill, make_room, small_disk
from support.fleet_files import read
from support.shell_hosts import Laptop, ShellHost

pytestmark = pytest.mark.needs("root")

FLEET = """\
name: shop
database: postgresql://airflow@127.0.0.1:{port}/airflow
broker: redis://127.0.0.1:{port}
hosts:
  - {{name: a, address: 127.0.0.2, scheduler: 1, api_server: {{port: 1}}, dag_processor: 1, workers: [{{}}]}}
deploy: {{folder: shop}}
"""


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    with small_disk(tmp_path / "a", 160), socket.create_server(("127.0.0.1", 0)) as server:
        host = ShellHost("a", tmp_path / "a").prepare()
        yield Laptop(read(FLEET.format(port=server.getsockname()[1])), {"a": host})


def test_a_full_disk_is_named_before_anything_changes(laptop: Laptop) -> None:
    fill(laptop.hosts["a"].home)
    with pytest.raises(Refused) as refused:
        laptop.deploy()
    assert refused.value.problems == (f"host 'a' has 0KB free at {laptop.hosts['a'].folder}, and 100MB are needed",)


def test_a_disk_that_fills_up_meanwhile_leaves_what_runs_as_it_is(laptop: Laptop) -> None:
    laptop.deploy()
    host = laptop.hosts["a"]
    before, calls = host.current, host.calls
    laptop.text += "vars: {bucket: orders}\n"
    deployment = laptop.deployment
    planned = deployment.plan(laptop.look())
    fill(host.home)
    with pytest.raises(FleetError, match="host 'a'"):
        deployment.carry_out(planned)
    assert (host.current, host.calls) == (before, calls)
    make_room(host.home)
    assert laptop.deploy()
    assert host.current == planned[0].target.record.name
