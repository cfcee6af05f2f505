"""Three hosts with servers by URL, deployed over real ``sshd``: by turns, together, and back when one fails."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.testing.ports import free_ports
from airfleet.testing.servers import Servers
from support.machines import Machine, Machines, Site, machines
from support.newer_airfleet import newer_airfleet

pytestmark = [pytest.mark.needs("sshd"), pytest.mark.long, pytest.mark.timeout(900)]

FLEET = """\
name: shop
database: ${{{{ secrets.database }}}}
broker: ${{{{ secrets.broker }}}}
policies: {{on_partition: keep}}
hosts:
  - {{name: control, ssh: control, address: 127.0.0.2, scheduler: 1, api_server: {{port: {port}}}, dag_processor: 1}}
  - {{name: work-1, address: 127.0.0.3, workers: [{{slots: 1}}], ssh: work-1}}
  - {{name: work-2, address: 127.0.0.4, workers: [{{slots: 1}}], ssh: work-2}}
deploy: {{drain: 2m}}
"""
SLOW = """\
dag_id: slow
schedule: null
start_date: 2026-01-01
tasks:
  - id: wait
    uses: bash
    with: {{bash_command: "echo began >> {ledger}; sleep 15; echo ended >> {ledger}"}}
"""
#: nginx finds no certificate, on one host alone
BROKEN = """\
proxy:
  on: [work-1]
  name: shop.example.com
  port: {port}
  redirect: 0
  tls: {{certificate: /nowhere/shop.pem, key: /nowhere/shop.key}}
"""
HOSTS = ("control", "work-1", "work-2")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site[Machines]]:
    with Servers(tmp_path_factory.mktemp("servers")) as servers, machines() as found:
        made = Site(found.folder / "project", found)
        made.write(FLEET.format(port=free_ports(1)[0]))
        made.secret("database", servers.database("airflow"))
        made.secret("broker", servers.broker())
        for name in HOSTS:
            found.add(name)
        done = made.deploy()
        assert done.returncode == 0, done.stderr
        yield made


@pytest.fixture
def control(site: Site[Machines]) -> Machine:
    return site.machines.by_name["control"]


def versions(site: Site[Machines]) -> dict[str, str]:
    return {name: site.machines.by_name[name].current for name in HOSTS}


def test_each_host_has_its_part_of_the_secrets_alone(site: Site[Machines]) -> None:
    known = {
        name: json.loads((site.machines.by_name[name].folder / ".airfleet/secrets.json").read_text()) for name in HOSTS
    }
    assert set(known["work-1"]) == {"for_fleet", "for_host", "peers_key"}
    assert {"fernet_key", "jwt_secret"} < set(known["control"])


def test_all_hosts_are_healthy_and_a_second_deploy_changes_nothing(site: Site[Machines], control: Machine) -> None:
    control.wait_until_healthy()
    assert site.deploy().stdout == "nothing to do: all 3 hosts are healthy at what fleet.yaml says\n"


def test_a_change_goes_from_host_to_host_each_healthy_before_the_next(site: Site[Machines], control: Machine) -> None:
    site.write(site.text + "vars: {bucket: orders}\n")
    done = site.deploy()
    assert done.returncode == 0, done.stderr
    said = [line.partition(": ")[0::2] for line in done.stderr.splitlines() if "healthy" in line or "drain" in line]
    assert [host for host, _ in said] == [f"host '{name}'" for name in HOSTS for _ in range(2)]
    control.wait_until_healthy()


def test_a_host_that_fails_goes_back_and_those_after_it_are_not_touched(site: Site[Machines], control: Machine) -> None:
    before, text = versions(site), site.text
    site.write(text + BROKEN.format(port=free_ports(1)[0]))
    done = site.deploy("--timeout", "40s")
    site.write(text)
    assert done.returncode == 1, done.stderr
    assert f"host 'work-1' runs {before['work-1']} again, as before" in done.stderr
    assert "host 'work-2' was not touched" in done.stderr
    after = versions(site)
    assert {name for name in HOSTS if after[name] != before[name]} == {"control"}
    assert site.deploy().returncode == 0
    assert versions(site) == before
    control.wait_until_healthy()


def test_a_new_airfleet_comes_to_all_hosts_together_and_running_tasks_end_before(
    site: Site[Machines], control: Machine, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    for name in HOSTS:
        (site.machines.by_name[name].folder / "pipelines" / "slow.yaml").write_text(SLOW.format(ledger=ledger))
    started = control.airfleet("trigger", "slow", "--unpause")
    assert started.returncode == 0, started.stderr
    wait_for_line(ledger, "began")
    site.source = newer_airfleet(tmp_path / "newer")
    done = site.deploy()
    site.source = None
    assert done.returncode == 0, done.stderr
    assert "all hosts change together" in done.stderr
    assert all(name.startswith("0.1.1-") for name in versions(site).values())
    control.wait_until_healthy()
    assert ledger.read_text().split() == ["began", "ended"]


def test_a_host_leaves_and_comes_back_by_the_file(site: Site[Machines], control: Machine) -> None:
    text, gone = site.text, site.machines.by_name["work-2"]
    assert site.deploy().returncode == 0, "another test may have left another version"
    left = "".join(line for line in text.splitlines(keepends=True) if "name: work-2" not in line)
    assert gone.airfleet("down", "--timeout", "30s").returncode == 0
    site.write(left)
    done = site.deploy()
    assert done.returncode == 0, done.stderr
    assert "together" not in done.stderr
    control.wait_until_healthy()
    site.write(text)
    done = site.deploy()
    assert done.returncode == 0, done.stderr
    assert "together" not in done.stderr
    control.wait_until_healthy()


def wait_for_line(file: Path, text: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not (file.exists() and text in file.read_text()):
        assert time.monotonic() < deadline, f"{file} does not say '{text}'"
        time.sleep(0.1)
