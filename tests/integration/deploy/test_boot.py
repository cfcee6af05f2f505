"""A machine with a real systemd: rendered units, and those of a deploy, start at boot and after a power loss."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.documents import commands
from support.machines import Site
from support.namespaced_machines import HOME, SHARED, NamespacedMachine, NamespacedMachines, namespaced_machines

pytestmark = [pytest.mark.needs("sshd", "ip", "root", "systemd"), pytest.mark.long, pytest.mark.timeout(900)]

#: calls airfleet on the machine, and gives its output
Airfleet = Callable[..., str]
SLOW = f"""\
dag_id: slow
schedule: null
start_date: 2026-01-01
tasks:
  - {{id: first, uses: bash, with: {{bash_command: "echo first >> {SHARED}/NAME; sleep 8"}}}}
  - {{id: second, uses: bash, needs: [first], with: {{bash_command: "echo second >> {SHARED}/NAME"}}}}
"""
DEPLOYED = """\
name: carried
hosts:
  - name: one
    address: {address}
    scheduler: true
    api_server: {{port: 8099}}
    dag_processor: true
    workers: [{{slots: 1}}]
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site[NamespacedMachines]]:
    """A project, its bundle, and a machine without a network that runs systemd."""
    with namespaced_machines(1) as found:
        one = found.add("one", has_systemd=True)
        made = Site(found.folder / "project", found)
        made.write(DEPLOYED.format(address=one.address))
        done = made.airfleet("deploy", "--save-bundle", str(found.shared / "shop.bundle"))
        assert done.returncode == 0, done.stderr
        yield made


@pytest.fixture
def one(site: Site[NamespacedMachines]) -> NamespacedMachine:
    return site.machines.by_name["one"]


@pytest.fixture(scope="module")
def shop(site: Site[NamespacedMachines]) -> Airfleet:
    """A project on the machine, with an airfleet that was installed out of the bundle; the user is 'shop'."""
    one = site.machines.by_name["one"]
    as_root(one, "useradd --create-home shop && install -d -o shop /srv/shop/pipelines && chown shop /srv/shop")
    (one.path("/srv/shop/fleet.yaml")).write_text("name: shop\n")
    (one.path("/srv/shop/pipelines/slow.yaml")).write_text(SLOW.replace("NAME", "rendered"))
    install = commands("deploy.md", "To have airfleet itself there, out of the same file:")
    as_root(one, f"cd /srv/shop; cp {SHARED}/shop.bundle .; {install}")
    as_root(one, "chown -R shop /srv/shop")

    def airfleet(*words: str) -> str:
        call = f"XDG_RUNTIME_DIR=/run/user/$(id -u) /srv/shop/.venv/bin/airfleet -C /srv/shop {' '.join(words)}"
        return one.run_as_root("su", "shop", "-c", call, seconds=300).stdout

    return airfleet


def as_root(one: NamespacedMachine, script: str, seconds: float = 300.0) -> str:
    done = one.run_as_root("bash", "-ec", script, seconds=seconds)
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def wait_for(holds: Callable[[], bool], what: str, seconds: float = 240.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def is_healthy(airfleet: Airfleet) -> bool:
    """Whether all of the fleet is."""
    said = airfleet("status", "-o", "json")
    return said.startswith("{") and json.loads(said)["state"] == "ready"


def has_succeeded(airfleet: Airfleet) -> bool:
    """Whether the last run of the pipeline has."""
    said = airfleet("why", "slow", "-o", "json")
    return said.startswith("{") and json.loads(said)["state"] == "success"


def survives_a_power_loss(one: NamespacedMachine, airfleet: Airfleet, ledger: Path) -> None:
    """Cut the power while a task runs: the fleet is back after the boot, and the run goes on."""
    ledger.unlink(missing_ok=True)
    airfleet("trigger", "slow", "--unpause")
    wait_for(lambda: ledger.exists() and "first" in ledger.read_text(), "no task began")
    one.lose_power()
    one.mend()
    one.boot()
    wait_for(lambda: is_healthy(airfleet), "the fleet did not come back at boot")
    wait_for(lambda: has_succeeded(airfleet), "the run did not go on")
    assert ledger.read_text().split()[-1] == "second"


def test_a_rendered_unit_starts_the_fleet_at_boot(
    site: Site[NamespacedMachines], one: NamespacedMachine, shop: Airfleet
) -> None:
    as_root(one, commands("at-boot.md", "## One server"))
    wait_for(lambda: is_healthy(shop), "the fleet is not healthy")
    agent = as_root(one, "systemctl show --property MainPID airfleet-shop")
    as_root(one, "systemctl daemon-reexec")
    assert as_root(one, "systemctl show --property MainPID airfleet-shop") == agent
    as_root(one, "su shop -c '/srv/shop/.venv/bin/airfleet -C /srv/shop logs scheduler'")
    assert "airfleet" in as_root(one, "journalctl -u airfleet-shop")
    survives_a_power_loss(one, shop, site.machines.shared / "rendered")
    as_root(one, commands("at-boot.md", "## Passwords"))
    as_root(one, commands("at-boot.md", "Any other edit needs no new unit:"))
    wait_for(lambda: is_healthy(shop), "the fleet is not healthy after a restart")
    as_root(one, "systemctl disable --now airfleet-shop")
    assert not is_healthy(shop)


def test_one_server_starts_at_boot_by_a_deploy_to_itself(
    site: Site[NamespacedMachines], one: NamespacedMachine, shop: Airfleet
) -> None:
    refused = one.run_as_root("su", "shop", "-c", "/srv/shop/.venv/bin/airfleet -C /srv/shop deploy --local")
    assert "systemd ends services of 'shop' at the last logout" in refused.stderr
    as_root(one, "loginctl enable-linger shop")
    wait_for(lambda: "/run/user" in one.run_as_root("sh", "-c", "ls -d /run/user/*/systemd").stdout, "no user manager")
    shop("deploy", "--local")
    assert is_healthy(shop)
    survives_a_power_loss(one, shop, site.machines.shared / "rendered")


def test_a_deploy_as_an_ordinary_user_starts_at_boot(site: Site[NamespacedMachines], one: NamespacedMachine) -> None:
    bundle = ("--bundle", str(site.machines.shared / "shop.bundle"))
    refused = site.deploy(*bundle)
    assert "host 'one' ends services of 'airfleet' when that user logs out" in refused.stderr
    as_root(one, "loginctl enable-linger airfleet")
    done = site.deploy(*bundle)
    assert done.returncode == 0, done.stderr
    assert site.deploy(*bundle).stdout.startswith("nothing to do: the host 'one' is healthy")
    folder = one.path(f"{HOME}/airfleet/carried/pipelines")
    (folder / "slow.yaml").write_text(SLOW.replace("NAME", "deployed"))
    (folder / "slow.yaml").chmod(0o644)
    shutil.chown(folder / "slow.yaml", 7100)

    def airfleet(*words: str) -> str:
        return site.machines.run("one", "airfleet/carried/airfleet", *words).stdout

    survives_a_power_loss(one, airfleet, site.machines.shared / "deployed")
    enabled = site.machines.run("one", "systemctl", "--user", "is-enabled", "airfleet-carried")
    assert enabled.stdout.strip() == "enabled"
