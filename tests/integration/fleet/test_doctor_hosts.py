"""``airfleet doctor`` on two hosts with homes of their own, one of which got another key than the other."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from airfleet.testing.ports import free_ports
from airfleet.testing.servers import Servers

pytestmark = pytest.mark.long

FLEET = """\
name: keys
database: ${{{{ env.DATABASE }}}}
broker: ${{{{ env.BROKER }}}}
policies: {{on_partition: keep}}
hosts:
  - {{name: one, address: 127.0.0.1, scheduler: true, api_server: {{port: {port}}}, workers: [{{slots: 1}}]}}
  - {{name: two, address: 127.0.0.2, scheduler: true, dag_processor: true, workers: [{{slots: 1}}]}}
"""


def passable(folder: str) -> Path:
    """Let other users pass: as root, servers run as one of them."""
    Path(folder).chmod(0o755)
    return Path(folder) / "servers"


@pytest.fixture
def hosts() -> Iterator[tuple[FleetUnderTest, FleetUnderTest]]:
    """Two hosts, up; the second one was given a key that somebody changed on the way."""
    with tempfile.TemporaryDirectory(prefix="airfleet-test-") as folder, Servers(passable(folder)) as servers:
        told = {"DATABASE": servers.database("airflow"), "BROKER": servers.broker()}
        with FleetUnderTest.make(FLEET.format(port=free_ports(1)[0])) as made:
            one, two = (
                made.with_environment(AIRFLEET_HOST=name, AIRFLEET_HOME=f".airfleet-{name}", **told)
                for name in ("one", "two")
            )
            try:
                one.start()
                assert one.airfleet("secrets", "export", "--host", "two", "-o", "two.secrets").returncode == 0
                assert two.airfleet("secrets", "import", "two.secrets").returncode == 0
                kept = json.loads(two.paths.secrets.read_text())
                two.paths.secrets.write_text(json.dumps({**kept, "jwt_secret": kept["jwt_secret"][::-1]}))
                assert two.airfleet("up", "--detach", "--no-wait").returncode == 0
                yield one, two
            finally:
                for host in (one, two):
                    host.remove()


def findings(fleet: FleetUnderTest) -> dict[str, list[str]]:
    found: dict[str, Any] = json.loads(fleet.airfleet("doctor", "-o", "json").stdout)
    return {
        one["code"]: [seen["sentence"] for seen in one["seen"]] for one in found["checks"] if one["state"] == "wrong"
    }


def test_another_key_on_one_host_is_named_by_both_without_the_key(hosts: tuple[FleetUnderTest, FleetUnderTest]) -> None:
    wanted = {"D201": ["host 'two' has other keys than 'one': jwt_secret"]}
    for host in hosts:
        wait_until(lambda: findings(host) == wanted, 90, "both are up, and know of one another")  # noqa: B023
    one, two = hosts
    said = one.airfleet("doctor", "-v").stdout
    assert "all 2 addresses can be reached" in said  # the agent of the other host, and its log server
    assert not any(secret in said for host in hosts for secret in host.known_secrets() if len(secret) > 8)
    status = two.airfleet("status")
    assert "host 'two' has other keys than 'one': jwt_secret" in status.stderr
