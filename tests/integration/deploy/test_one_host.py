"""One host with embedded servers, deployed over a real ``sshd``: from nothing to healthy, and again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airfleet.testing.ports import free_ports
from support.machines import Machine, Machines, Site, machines

pytestmark = [pytest.mark.needs("sshd")]

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
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site[Machines]]:
    with machines() as found:
        made = Site(found.folder / "project", found)
        made.write(FLEET.format(port=free_ports(1)[0]))
        machine = found.add("one")
        tried = made.deploy("--dry-run")
        assert tried.returncode == 0, tried.stderr
        assert "# install the environment" in tried.stdout
        assert "up --detach" in tried.stdout
        assert list(machine.home.iterdir()) == [], "a dry run has changed the host"
        done = made.deploy()
        assert done.returncode == 0, done.stderr
        assert f"host 'one' is healthy at version {machine.current}" in done.stdout
        yield made


@pytest.fixture
def one(site: Site[Machines]) -> Machine:
    return site.machines.by_name["one"]


def test_a_host_with_nothing_becomes_healthy(one: Machine) -> None:
    one.wait_until_healthy()


def test_files_of_the_host_are_its_own(one: Machine) -> None:
    version = one.folder / "versions" / one.current
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in version.iterdir() if file.is_file()}
    assert modes.pop("airfleet") == "0o700"
    assert set(modes.values()) == {"0o600"}
    assert (one.folder / ".airfleet" / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_second_deploy_changes_nothing_and_says_so(site: Site[Machines], one: Machine) -> None:
    one.wait_until_healthy()
    log = (one.folder / "deploy.log").read_text()
    done = site.deploy()
    assert (done.returncode, done.stdout) == (0, "nothing to do: the host 'one' is healthy at what fleet.yaml says\n")
    assert (one.folder / "deploy.log").read_text() == log


@pytest.mark.long
def test_a_version_that_does_not_become_healthy_goes_back(site: Site[Machines], one: Machine) -> None:
    before, text = one.current, site.text
    # There is no such module, so no component of Airflow starts.
    site.write(text + "airflow: {core: {auth_manager: nowhere.Nobody}}\n")
    done = site.deploy("--timeout", "20s")
    site.write(text)
    assert done.returncode == 1, done.stdout
    assert f"host 'one' runs {before} again, as before" in done.stderr
    assert one.current == before
    one.wait_until_healthy()
    assert site.deploy().stdout.startswith("nothing to do")


@pytest.mark.long
def test_an_edit_makes_a_version_and_undo_goes_back(site: Site[Machines], one: Machine) -> None:
    before = one.current
    site.write(site.text + "vars: {bucket: orders}\n")
    assert site.deploy().returncode == 0
    assert one.current != before
    done = site.deploy("--undo")
    assert done.returncode == 0, done.stderr
    assert one.current == before
    one.wait_until_healthy()


def test_a_host_that_somebody_deploys_to_is_left_alone(site: Site[Machines], one: Machine) -> None:
    (one.folder / "deploy.lock").write_text("alice@laptop since 12:00 (process 7)\n")
    done = site.deploy()
    (one.folder / "deploy.lock").unlink()
    assert done.returncode == 1
    assert "host 'one' is being deployed by alice@laptop since 12:00 (process 7)" in done.stderr


def test_a_host_with_another_key_is_refused(site: Site[Machines], one: Machine) -> None:
    site.machines.known_hosts.rename(kept := site.machines.known_hosts.with_suffix(".kept"))
    unknown = site.deploy()
    kept.rename(site.machines.known_hosts)
    assert "host 'one' has a key that known_hosts does not have" in unknown.stderr
    site.machines.renew_key("one")
    done = site.deploy()
    assert done.returncode == 1
    assert "host 'one' has another key than the one that known_hosts has" in done.stderr
