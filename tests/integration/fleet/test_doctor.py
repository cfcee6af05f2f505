"""``airfleet doctor`` on a real fleet that is broken in one place at a time: it names that place, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.paths import fleet_id
from airfleet.system import process_tree, procfs
from airfleet.testing.fleet import FleetUnderTest
from airfleet.testing.ports import free_ports
from faultlab.injectors.small_disk import fill, make_room, small_disk
from faultlab.measuring import secret_scan
from support.proxies import certificate

pytestmark = pytest.mark.needs("nginx", "root")  # root may mount a disk

NAME = "localhost"
SECRET = "of-a-connection-of-the-shop"
FLEET = f"""\
name: ailing
triggerer: false
workers: [{{{{name: worker, slots: 1}}}}]
flower: true
connections: {{{{shop: {{{{type: http, host: localhost, password: "${{{{{{{{ secrets.shop }}}}}}}}"}}}}}}}}
proxy:
  name: {NAME}
  address: 127.0.0.1
  port: {{port}}
  tls: {{{{certificate: tls/{NAME}.pem, key: tls/{NAME}.key}}}}
"""
#: data of fleets of others on this machine are no matter of this one
OF_OTHERS = "D305"


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetUnderTest]:
    """A fleet with a proxy and Flower, whose logs have a small disk of their own."""
    text = FLEET.format(port=free_ports(1)[0])
    with FleetUnderTest.make(text) as made, small_disk(made.root / ".airfleet" / "logs", 200):
        (made.root / "tls").mkdir()
        made.write("secrets/shop", SECRET).chmod(0o600)
        certificate(made.root / "tls", NAME, days=90)
        made.start()
        yield made


def examined(fleet: FleetUnderTest, *options: str) -> dict[str, Any]:
    done = fleet.airfleet("doctor", "-o", "json", *options)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["exit_code"] == done.returncode
    return found


def findings(found: dict[str, Any]) -> dict[str, list[str]]:
    """Give the sentences of what is wrong or a warning, by code."""
    return {
        one["code"]: [seen["sentence"] for seen in one["seen"] if seen["state"] in ("wrong", "warning")]
        for one in found["checks"]
        if one["state"] in ("wrong", "warning") and one["code"] != OF_OTHERS
    }


def unknown(found: dict[str, Any]) -> set[str]:
    return {one["code"] for one in found["checks"] if one["state"] == "unknown"}


def test_a_fleet_that_is_well_has_no_finding_and_every_probe_is_made_but_that_of_a_waiting_message(
    fleet: FleetUnderTest,
) -> None:
    found = examined(fleet, "--live")
    assert findings(found) == {}
    assert unknown(found) == {"D807"}
    assert found["exit_code"] == 0
    assert found["left_out"]


@contextmanager
def open_secrets(fleet: FleetUnderTest) -> Iterator[str]:
    fleet.paths.secrets.chmod(0o644)
    try:
        yield str(fleet.paths.secrets)
    finally:
        fleet.paths.secrets.chmod(0o600)


@contextmanager
def left_process(fleet: FleetUnderTest) -> Iterator[str]:
    mark = {process_tree.MARK: fleet_id(fleet.paths.home)}
    left = subprocess.Popen(["sleep", "600"], env={**os.environ, **mark}, start_new_session=True)
    wait_until(lambda: procfs.environment(left.pid).get(process_tree.MARK), 10, "it has its mark")
    try:
        yield f"process {left.pid} (sleep)"
    finally:
        left.kill()
        left.wait()


@contextmanager
def certificate_until_tomorrow(fleet: FleetUnderTest) -> Iterator[str]:
    folder = fleet.root / "tls"
    certificate(folder, NAME, days=1)
    try:
        yield str(folder / f"{NAME}.pem")
    finally:
        certificate(folder, NAME, days=90)


@contextmanager
def full_disk(fleet: FleetUnderTest) -> Iterator[str]:
    fill(fleet.paths.logs)
    try:
        yield str(fleet.paths.logs)
    finally:
        make_room(fleet.paths.logs)


@pytest.mark.parametrize(
    ("broken", "code", "exit_code"),
    [
        (open_secrets, "D203", 1),
        (left_process, "D304", 4),
        (certificate_until_tomorrow, "D405", 1),
        (full_disk, "D701", 4),
    ],
)
def test_what_was_broken_is_named_by_its_code_and_nothing_else_is(
    fleet: FleetUnderTest, broken: Any, code: str, exit_code: int
) -> None:
    breaks: AbstractContextManager[str] = broken(fleet)
    with breaks as name:
        found = examined(fleet)
    assert list(findings(found)) == [code]
    [sentence] = findings(found)[code]
    assert name in sentence
    assert found["exit_code"] == exit_code
    wait_until(lambda: findings(examined(fleet)) == {}, 30, "it is well again")


def test_people_read_what_was_seen_what_to_do_and_why(fleet: FleetUnderTest) -> None:
    with open_secrets(fleet) as file:
        done = fleet.airfleet("doctor")
    lines = done.stdout.splitlines()
    at = lines.index(f"  D203  wrong    others on this machine can read {file} (mode 0644, at most 0600)")
    assert lines[at - 1] == "secrets"
    assert lines[at + 1].strip() == f"next: chmod 600 {file}"
    assert lines[at + 2].strip().startswith("why:  ")
    assert "checks: 1 wrong" in done.stderr


def test_a_certificate_that_nginx_has_not_read_yet_is_found_by_a_probe(fleet: FleetUnderTest) -> None:
    with certificate_until_tomorrow(fleet):
        assert set(findings(examined(fleet, "--live"))) == {"D405", "D804"}


def test_a_bundle_has_no_secret_of_the_fleet(fleet: FleetUnderTest, tmp_path: Path) -> None:
    secrets = [*fleet.known_secrets(), SECRET]
    log = fleet.paths.logs / "worker.log"
    with log.open("a") as there:  # as a library of a task might
        there.write(f"connecting to redis://:{secrets[5]}@queue/0 with {secrets[0]}\nAPI_KEY=abcdefghijklmnop\n")
    file = tmp_path / "report.tar.gz"
    done = fleet.airfleet("doctor", "--bundle", file)
    assert done.returncode == 0, done.stdout
    with tarfile.open(file) as archive:
        archive.extractall(tmp_path, filter="data")
    written = [path for path in (tmp_path / "airfleet-doctor").rglob("*") if path.is_file()]
    assert {"doctor.json", "fleet.yaml", "plan.json", "versions.json", "agent.log", "worker.log"} <= {
        path.name for path in written
    }
    assert secret_scan.leaks(secrets, written) == ()
    assert secret_scan.leaks(secrets, [log]) == ("worker.log holds a secret of the fleet",)  # it was there
    text = "".join(path.read_text() for path in written)
    assert "abcdefghijklmnop" not in text
    assert "API_KEY=***" in text


def test_a_port_that_cannot_be_reached_is_named_once_by_a_fleet_that_was_never_started(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    text = f"name: apart\ndatabase: postgresql://me@127.0.0.1:{port}/shop\n"
    with FleetUnderTest.make(text) as fleet:
        found = examined(fleet)
    assert findings(found) == {"D403": [f"the database at 127.0.0.1:{port} cannot be reached: connection refused"]}
    assert found["exit_code"] == 4
    assert {"D201", "D301", "D501", "D601"} <= unknown(found)
