"""One more api-server while the fleet runs, and one less: the fleet's nginx asks those that there are."""

from __future__ import annotations

import re

import pytest

from airfleet.testing.fleet import FleetUnderTest
from airfleet.testing.ports import free_ports
from airfleet.testing.waiting import wait_until

FLEET = "name: scaled\nproxy: {{name: localhost, address: 127.0.0.1, port: {port}}}\n"


@pytest.mark.long
def test_an_api_server_that_is_added_is_asked_and_one_that_is_taken_away_is_not() -> None:
    (port,) = free_ports(1)
    with FleetUnderTest.make(FLEET.format(port=port)) as fleet:
        fleet.start()
        first = fleet.component("api-server").address

        def told() -> set[str]:
            lines = [line for line in fleet.paths.log("agent").read_text().splitlines() if "nginx was told" in line]
            return set(re.findall(r"127\.0\.0\.1:\d+", lines[-1].partition(" {")[0])) if lines else {first}

        assert fleet.airfleet("scale", "api-server=2").returncode == 0
        wait_until(
            lambda: len(fleet.snapshot().components) and fleet.snapshot().healthy and len(told()) == 2, 60, "two"
        )
        second = fleet.component("api-server-2").address
        assert told() == {first, second}
        pid = fleet.kill("api-server")
        assert fleet.api.get("version")["version"]  # over nginx, by the other one
        fleet.wait_until_replaced("api-server", pid, 60)
        assert fleet.airfleet("scale", "api-server=1").returncode == 0
        wait_until(lambda: told() == {first}, 30, "nginx was told of one")
        assert [c.name for c in fleet.snapshot().components if c.kind == "api-server"] == ["api-server"]
        slots = fleet.airfleet("scale", "api-server=x4")
        assert (slots.returncode, "an api-server has no slots" in slots.stderr) == (2, True)
