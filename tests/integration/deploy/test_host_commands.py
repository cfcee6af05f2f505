"""``airfleet host`` over a real ``sshd``: fleet.yaml and the machines change together, and only trusted ones."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from support.machines import Machines, Site, machines
from support.shell_hosts import ShellHost

pytestmark = pytest.mark.needs("sshd")

FLEET = """\
name: shop
database: postgresql://airflow@127.0.0.1:{port}/airflow
broker: redis://127.0.0.1:{port}
policies: {{on_partition: keep}}
hosts:
  # schedules
  - {{name: a, address: 127.0.0.2, ssh: a, scheduler: true, api_server: {{port: 1}}, dag_processor: true}}
  # works
  - {{name: b, address: 127.0.0.3, ssh: b, workers: [{{slots: 2}}]}}  # rack 2
  - {{name: c, address: 127.0.0.4, ssh: c, workers: [{{slots: 2}}]}}
deploy: {{folder: shop}}   # below the home
"""


@pytest.fixture
def site() -> Iterator[Site[Machines]]:
    with machines() as found, socket.create_server(("127.0.0.1", 0)) as server:
        made = Site(found.folder / "project", found)
        made.write(FLEET.format(port=server.getsockname()[1]))
        for name in "abc":
            prepared(found, name)
        done = made.deploy()
        assert done.returncode == 0, done.stderr
        yield made


def prepared(found: Machines, name: str, *, is_known: bool = True) -> ShellHost:
    """A machine with an airfleet that says how it was called."""
    machine = found.add(name, is_known=is_known)
    return ShellHost(name, machine.home).prepare()


def host(site: Site[Machines], name: str) -> ShellHost:
    return ShellHost(name, site.machines.by_name[name].home)


def said(site: Site[Machines], *words: str) -> tuple[int, str]:
    done = site.airfleet("host", *words, "--ssh", site.machines.ssh)
    return done.returncode, done.stdout + done.stderr


def test_a_host_is_added_to_the_file_and_to_the_fleet(site: Site[Machines]) -> None:
    new, text = prepared(site.machines, "d"), site.text
    words = ("add", "d", "--address", "127.0.0.5", "--login", "d", "--like", "b")
    code, shown = said(site, *words, "--dry-run")
    line = "  - {name: d, address: 127.0.0.5, ssh: d, workers: [{slots: 2}]}\n"
    assert (code, f"+{line}" in shown, site.text) == (0, True, text)
    code, shown = said(site, *words)
    assert code == 0, shown
    assert site.text == text.replace("deploy:", f"{line}deploy:")
    assert new.current
    assert site.deploy().stdout.startswith("nothing to do: all 4 hosts")


def test_a_machine_whose_key_nobody_has_named_is_refused_and_the_file_is_as_it_was(site: Site[Machines]) -> None:
    new, text = prepared(site.machines, "d", is_known=False), site.text
    words = ("add", "d", "--address", "127.0.0.5", "--login", "d", "--like", "b")
    fingerprint = site.machines.by_name["d"].fingerprint
    code, shown = said(site, *words)
    assert (code, site.text, new.current) == (1, text, "")
    assert f"host 'd' shows the key {fingerprint}, which known_hosts does not have" in shown
    code, shown = said(site, *words, "--new-key", "SHA256:other")
    assert (code, site.text, f"{fingerprint}, not SHA256:other" in shown) == (1, text, True)
    code, shown = said(site, *words, "--new-key", fingerprint)
    assert code == 0, shown
    assert new.current


def test_a_host_is_drained_before_it_leaves_file_and_fleet(site: Site[Machines]) -> None:
    text = site.text
    code, shown = said(site, "remove", "c")
    assert code == 0, shown
    assert host(site, "c").calls[-1].endswith("down --timeout 600s")
    assert "the host has left the fleet" in (host(site, "c").folder / "deploy.log").read_text()
    assert site.text == text.replace("  - {name: c, address: 127.0.0.4, ssh: c, workers: [{slots: 2}]}\n", "")
    assert site.deploy().stdout.startswith("nothing to do: all 2 hosts")


def test_a_host_that_is_off_leaves_when_a_person_says_that_it_is_gone(site: Site[Machines]) -> None:
    text = site.text
    site.machines.switch_off("c")
    code, shown = said(site, "remove", "c")
    assert (code, site.text) == (1, text)
    assert "host 'c' refuses the connection" in shown
    assert "--gone" in shown
    code, shown = said(site, "remove", "c", "--gone")
    assert code == 0, shown
    assert any(call.endswith("drain c --gone") for call in host(site, "a").calls)
    assert "name: c" not in site.text


def test_another_machine_takes_the_place_of_a_host_when_its_key_is_named(site: Site[Machines]) -> None:
    text = site.text
    site.machines.renew_key("b")
    before = host(site, "b").calls
    code, shown = said(site, "replace", "b", "--address", "127.0.0.6", "--gone")
    assert (code, site.text, host(site, "b").calls) == (1, text, before)
    fingerprint = site.machines.by_name["b"].fingerprint
    assert f"host 'b' shows the key {fingerprint}" in shown
    code, shown = said(site, "replace", "b", "--address", "127.0.0.6", "--gone", "--new-key", fingerprint)
    assert code == 0, shown
    assert site.text == text.replace("127.0.0.3", "127.0.0.6")
    assert any(call.endswith("drain b --gone") for call in host(site, "a").calls)
    assert site.deploy().stdout.startswith("nothing to do")


def test_a_host_without_which_there_is_no_fleet_is_not_stopped(site: Site[Machines]) -> None:
    text, before = site.text, host(site, "a").calls
    code, shown = said(site, "remove", "a")
    assert (code, site.text, host(site, "a").calls) == (1, text, before), shown


def test_a_name_that_is_taken_or_unknown_is_a_sentence(site: Site[Machines]) -> None:
    assert "fleet 'shop' has a host 'b'" in said(site, "add", "b", "--address", "x", "--like", "c")[1]
    assert "fleet 'shop' has no host 'bb'" in said(site, "remove", "bb")[1]
    assert "fleet 'shop' has no host 'bb'" in said(site, "add", "d", "--address", "x", "--like", "bb")[1]
