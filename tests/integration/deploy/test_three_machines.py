"""Three machines with processes, networks and root folders of their own: nginx on one, PostgreSQL and RabbitMQ beside.

They reach no registry, so all wheels travel along. The ledger that tasks write lies outside of the fleet.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from airfleet.testing.servers import Servers
from faultlab.injectors.small_disk import fill, make_room
from faultlab.servers.rabbitmq import RabbitMQ
from support.machines import Site
from support.namespaced_machines import SHARED, NamespacedMachines, namespaced_machines
from support.newer_airfleet import newer_airfleet

pytestmark = [
    pytest.mark.needs("sshd", "ip", "root", "nginx", "rabbitmq"),
    pytest.mark.long,
    pytest.mark.timeout(900),
]

FLEET = """\
name: shop
database: ${{{{ secrets.database }}}}
broker: ${{{{ secrets.broker }}}}
policies: {{on_partition: keep}}
hosts:
  - {{name: control, address: {net}.1, scheduler: 1, api_server: 1, dag_processor: 1, triggerer: 1}}
  - {{name: work-1, address: {net}.2, workers: [{{slots: 2}}]}}
  - {{name: work-2, address: {net}.3, workers: [{{slots: 2}}]}}
proxy: {{on: control, name: {net}.1, port: 8088}}
deploy: {{drain: 2m}}
"""
HOSTS = ("control", "work-1", "work-2")
TASKS = 140
#: each task says when it begins and ends
STEADY = f"""\
dag_id: steady
schedule: null
start_date: 2026-01-01
tasks:
  - for: {{each: {list(range(TASKS))}, as: n}}
    id: step_${{{{ n }}}}
    uses: bash
    with:
      bash_command: |
        echo "${{{{ n }}}} began $(date +%s.%N)" >> {SHARED}/ledger
        sleep 3
        echo "${{{{ n }}}} ended $(date +%s.%N)" >> {SHARED}/ledger
"""


@dataclass(frozen=True)
class Place:
    """A project, three machines, and the servers beside them."""

    site: Site[NamespacedMachines]
    machines: NamespacedMachines

    @property
    def control(self) -> str:
        return self.machines.by_name["control"].address

    def deploy(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.site.deploy("--vendor", *words)

    def agents(self) -> dict[str, str]:
        """The process of the agent of each host."""
        lock = "airfleet/shop/.airfleet/hosts/{}/run/agent.lock"
        return {name: self.machines.run(name, "cut", "-d ", "-f1", lock.format(name)).stdout for name in HOSTS}

    def currents(self) -> dict[str, str]:
        return {name: self.machines.current(name) for name in HOSTS}


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with namespaced_machines(5) as found, Servers(found.folder / "servers", address=found.here) as servers:
        broker = RabbitMQ(found.folder / "rabbitmq", address=found.here)
        broker.start()
        site = Site(found.folder / "project", found)
        site.write(FLEET.format(net=found.network.prefix))
        site.secret("database", servers.database("airflow"))
        site.secret("broker", broker.url)
        for name in HOSTS:
            found.add(name)
        made = Place(site, found)
        (site.project / "pipelines").mkdir()
        assert site.airfleet("check", str(site.project / "fleet.yaml")).returncode == 0
        tried = made.deploy("--dry-run")
        assert (tried.returncode, found.run("control", "ls").stdout) == (0, ""), tried.stderr
        done = made.deploy()
        assert done.returncode == 0, done.stderr
        (site.project / "pipelines" / "steady.yaml").write_text(STEADY)
        pushed = site.airfleet("push")
        assert pushed.returncode == 0, pushed.stderr
        yield made
        broker.end()


@pytest.fixture
def machines(place: Place) -> NamespacedMachines:
    place.machines.wait_until_healthy("control")
    return place.machines


def test_the_fleet_is_healthy_behind_nginx_and_a_second_deploy_changes_nothing(
    place: Place, machines: NamespacedMachines
) -> None:
    with urllib.request.urlopen(f"http://{place.control}:8088/api/v2/monitor/health", timeout=20) as answer:
        assert json.load(answer)["scheduler"]["status"] == "healthy"
    logs = {name: machines.run(name, "cat", "airfleet/shop/deploy.log").stdout for name in HOSTS}
    done = place.deploy()
    assert (done.returncode, done.stdout) == (
        0,
        "nothing to do: all 3 hosts are healthy at what fleet.yaml says\n",
    ), done.stderr
    assert {name: machines.run(name, "cat", "airfleet/shop/deploy.log").stdout for name in HOSTS} == logs


def test_a_full_disk_is_named_and_no_machine_is_touched(place: Place, machines: NamespacedMachines) -> None:
    before, text = place.currents(), place.site.text
    place.site.write(text + "vars: {bucket: full}\n")
    fill(machines.by_name["work-2"].disk)
    done = place.deploy()
    make_room(machines.by_name["work-2"].disk)
    place.site.write(text)
    assert done.returncode == 1
    assert "host 'work-2' has 0KB free" in done.stderr
    assert place.currents() == before


def test_an_edit_of_one_host_restarts_no_other_one(place: Place, machines: NamespacedMachines) -> None:
    assert place.deploy().returncode == 0
    agents, text = place.agents(), place.site.text
    assert all(agents.values())
    place.site.write(text.replace(".3, workers: [{slots: 2}]", ".3, workers: [{slots: 3}]"))
    done = place.deploy()
    assert done.returncode == 0, done.stderr
    assert {name for name in HOSTS if place.agents()[name] != agents[name]} == {"work-2"}
    machines.wait_until_healthy("control")
    planned = json.loads(machines.airfleet("work-2", "plan", "--host", "work-2", "-o", "json").stdout)
    [worker] = [one for one in planned["hosts"][0]["components"] if one["kind"] == "worker"]
    assert (worker["change"], worker["options"]["slots"]) == ("keep", "3")
    place.site.write(text)


def test_a_new_machine_takes_the_place_of_a_dead_one_when_its_key_is_named(
    place: Place, machines: NamespacedMachines
) -> None:
    assert place.deploy().returncode == 0
    machines.by_name["work-2"].lose_power()
    new = machines.add("work-2", is_known=False)
    words = ("host", "replace", "work-2", "--address", new.address, "--vendor", "--ssh", machines.ssh)
    refused = place.site.airfleet(*words, "--gone")
    assert f"host 'work-2' shows the key {new.fingerprint}, which known_hosts does not have" in refused.stderr
    alive = place.site.airfleet(*words, "--new-key", new.fingerprint)
    assert alive.returncode == 1
    assert "host 'work-2' does not answer" in alive.stderr
    # Not before the others see it silent: a lease of a moment ago may be that of a machine that lives.
    wait_until_silent(machines, "work-2")
    done = place.site.airfleet(*words, "--gone", "--new-key", new.fingerprint)
    assert done.returncode == 0, done.stderr
    assert new.address in place.site.text
    machines.wait_until_healthy("control")
    assert place.deploy().stdout.startswith("nothing to do: all 3 hosts")


def test_a_machine_that_loses_power_in_the_middle_stops_the_deploy_and_comes_back(
    place: Place, machines: NamespacedMachines
) -> None:
    before, text = place.currents(), place.site.text
    place.site.write(text + "vars: {bucket: orders}\n")
    lost = machines.by_name["work-1"]
    with place.site.deploying("--vendor") as running:
        running.wait_for("host 'work-1': drain and stop")
        lost.lose_power()
        code, said = running.end()
    assert code == 1
    assert "host 'work-1'" in said
    assert "host 'work-2' was not touched" in said
    lost.mend()
    lost.boot()
    after = place.currents()
    assert after["control"] != before["control"]
    assert after["work-2"] == before["work-2"]
    again = place.deploy()
    assert "host 'work-1' is being deployed by" in again.stderr
    again = place.deploy("--break-lock")
    assert again.returncode == 0, again.stderr
    machines.wait_until_healthy("control")
    assert place.deploy().stdout.startswith("nothing to do")
    place.site.write(text)


def test_another_wheel_comes_while_tasks_run_and_none_is_lost(
    place: Place, machines: NamespacedMachines, tmp_path: Path
) -> None:
    assert place.deploy().returncode == 0
    ledger = machines.shared / "ledger"
    started = machines.airfleet("control", "trigger", "steady", "--unpause")
    assert started.returncode == 0, started.stderr
    wait_for_lines(ledger, 8)
    place.site.source = newer_airfleet(tmp_path / "newer")
    began = time.time()
    done = place.deploy()
    ended = time.time()
    place.site.source = None
    assert done.returncode == 0, done.stderr
    assert "all hosts change together" in done.stderr
    assert all(name.startswith("0.1.1-") for name in place.currents().values())
    wait_for_lines(ledger, 2 * TASKS, 400)
    lines = [line.split() for line in ledger.read_text().splitlines()]
    assert Counter((task, what) for task, what, _ in lines) == {
        (str(task), what): 1 for task in range(TASKS) for what in ("began", "ended")
    }, "a task was lost, or ran twice"
    assert end_of_run(machines) == "success"
    pause = longest_pause([float(when) for _, what, when in lines if what == "began"], began, ended)
    print(f"deploy of another wheel: {ended - began:.0f} s, longest pause of dispatch {pause:.1f} s")
    assert pause < 120


def longest_pause(begun: list[float], since: float, until: float) -> float:
    """Give the longest time in which no task began, of the times around a deploy."""
    times = sorted(begun)
    pairs = itertools.pairwise(times)
    return max(later - earlier for earlier, later in pairs if later >= since and earlier <= until)


def end_of_run(machines: NamespacedMachines, seconds: float = 60.0) -> str:
    deadline = time.monotonic() + seconds
    while True:
        answered = machines.airfleet("control", "why", "steady", "-o", "json")
        state = json.loads(answered.stdout or "{}").get("state", "")
        if state in ("success", "failed"):
            return str(state)
        assert time.monotonic() < deadline, answered.stdout + answered.stderr
        time.sleep(1)


def wait_for_lines(file: Path, count: int, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not (file.exists() and len(file.read_text().splitlines()) >= count):
        assert time.monotonic() < deadline, f"{file} does not have {count} lines"
        time.sleep(0.2)


def wait_until_silent(machines: NamespacedMachines, name: str, seconds: float = 60.0) -> None:
    """Wait until the other hosts do not see a host any more."""
    deadline = time.monotonic() + seconds
    while True:
        told = json.loads(machines.airfleet("control", "status", "-o", "json").stdout)
        if next(one["state"] for one in told["hosts"] if one["host"] == name) != "up":
            return
        assert time.monotonic() < deadline, told["hosts"]
        time.sleep(1)
