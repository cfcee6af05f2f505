"""One more api-server while the fleet runs, and one less: the fleet's nginx and its tasks ask those that there are."""

from __future__ import annotations

import os
import re
import signal

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from airfleet.testing.ports import free_ports
from support.pipelines import waiting_task

pytestmark = pytest.mark.needs("nginx")

FLEET = "name: scaled\nproxy: {{name: localhost, address: 127.0.0.1, port: {port}}}\n"


@pytest.mark.long
def test_an_api_server_that_is_added_is_asked_and_one_that_is_taken_away_is_not() -> None:
    (port,) = free_ports(1)
    with FleetUnderTest.make(FLEET.format(port=port)) as fleet:
        fleet.start()
        first = fleet.component("api-server").address

        def told() -> set[str]:
            lines = [line for line in fleet.paths.log("agent").read_text().splitlines() if "has a new list" in line]
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
        wait_until(lambda: told() == {first}, 30, "nginx has a new list of one")
        assert [c.name for c in fleet.snapshot().components if c.kind == "api-server"] == ["api-server"]
        slots = fleet.airfleet("scale", "api-server=x4")
        assert (slots.returncode, "an api-server has no slots" in slots.stderr) == (2, True)


@pytest.mark.long
def test_a_task_that_runs_already_ends_by_the_api_server_that_was_added() -> None:
    with FleetUnderTest.make("name: added\nworkers: [{slots: 1}]\n") as fleet:
        run, file = waiting_task(fleet)
        assert fleet.airfleet("scale", "api-server=2").returncode == 0
        wait_until(lambda: api_servers_ready(fleet) == 2, 60, "two")
        first = fleet.component("api-server").pid or 0
        os.kill(first, signal.SIGSTOP)  # not ended: so it is not started again for half a minute
        try:
            (fleet.root / "said.go").touch()
            log = fleet.paths.log("api-server-2")
            wait_until(lambda: "new_state=success" in log.read_text(), 25, "it hears of the end")
        finally:
            os.kill(first, signal.SIGCONT)
        assert fleet.wait_for_run("waits", run, 60) == "success"
        assert file.read_text().split() == ["begun", "ended"]


def api_servers_ready(fleet: FleetUnderTest) -> int:
    return sum(c.kind == "api-server" and c.state == "ready" for c in fleet.snapshot().components)
