"""A host that reaches no registry and has no cache: all wheels travel along."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.releases.environments import lock
from airfleet.testing.ports import free_ports
from support.documents import REPOSITORY
from support.machines import Site, machines

pytestmark = [pytest.mark.needs("sshd"), pytest.mark.long, pytest.mark.timeout(600)]

FLEET = """\
name: shop
hosts:
  - name: one
    address: 127.0.0.1
    ssh: one
    scheduler: true
    api_server: {{port: {port}}}
    dag_processor: true
    workers: [{{slots: 1}}]
deploy: {{requirements: hosts.lock}}
"""


def test_a_host_without_a_registry_becomes_healthy_by_wheels_that_travel_along(tmp_path: Path) -> None:
    with machines() as found:
        nothing = {"UV_CACHE_DIR": str(tmp_path / "cache"), "UV_OFFLINE": "1", "UV_FIND_LINKS": ""}
        one = found.add("one", more=nothing)
        site = Site(found.folder / "project", found)
        site.write(FLEET.format(port=free_ports(1)[0]))
        [pin] = [
            pin for pin in lock.pins((REPOSITORY / "requirements/dev.lock").read_text()) if pin.name == "iniconfig"
        ]
        (site.project / "hosts.lock").write_text(pin.text)
        refused = site.deploy()
        assert refused.returncode == 1
        assert "host 'one': install the environment" in refused.stderr
        assert one.current == ""
        done = site.deploy("--vendor")
        assert done.returncode == 0, done.stderr
        one.wait_until_healthy()
        assert list(one.folder.glob("environments/*/lib/python3*/site-packages/iniconfig/__init__.py"))
