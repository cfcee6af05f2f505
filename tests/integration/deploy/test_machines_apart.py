"""Machines with networks and root folders of their own, as a deploy finds them before it changes anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faultlab.injectors.small_disk import fill
from support.machines import Site
from support.namespaced_machines import NamespacedMachines, namespaced_machines

pytestmark = pytest.mark.needs("sshd", "ip", "root", "systemd")

FLEET = """\
name: shop
database: postgresql://airflow:${{{{ secrets.database }}}}@{net}.254:1/airflow
broker: redis://{net}.254:1
policies: {{on_partition: keep}}
hosts:
  - {{name: control, address: {net}.1, scheduler: 1, api_server: 1, dag_processor: 1}}
  - {{name: work-1, address: {net}.2, workers: [{{slots: 1}}]}}
  - {{name: work-2, address: {net}.3, workers: [{{slots: 1}}]}}
  - {{name: work-3, address: {net}.4, workers: [{{slots: 1}}]}}
proxy: {{on: control, name: shop.example.com}}
"""


@pytest.fixture
def site() -> Iterator[Site[NamespacedMachines]]:
    with namespaced_machines(4) as found:
        made = Site(found.folder / "project", found)
        made.write(FLEET.format(net=found.network.prefix))
        made.secret("database", "word")
        yield made


def test_all_problems_of_all_machines_are_named_and_nothing_was_changed(site: Site[NamespacedMachines]) -> None:
    found = site.machines
    control, *_ = (found.add("control", has_systemd=True), found.add("work-1", is_known=False), found.add("work-2"))
    fill(found.by_name["work-2"].disk)
    found.add("work-3").lose_power()
    done = site.deploy("--vendor")
    assert done.returncode == 1
    server = f"{found.here}:1"
    for sentence in (
        "host 'control' ends services of 'airfleet' when that user logs out",
        "host 'control' lets user 'airfleet' not open port 80, which the proxy needs",
        f"host 'control' does not reach the database at {server}",
        f"host 'control' does not reach the broker at {server}",
        "host 'work-1' has a key that known_hosts does not have",
        "host 'work-2' has 0KB free at",
        "host 'work-3' does not answer",
    ):
        assert sentence in done.stderr
    assert found.run("control", "ls").stdout == ""
    assert control.run_as_root("systemctl", "is-system-running").stdout.strip() in ("running", "starting")
    assert not (site.project / ".airfleet" / "secrets.json").exists()
