"""A fleet that cannot start says why in a sentence, and leaves no process."""

from __future__ import annotations

import os
import shlex
import socket
from pathlib import Path

import pytest

from airfleet.testing.fleet import command
from support.fleets import TINY, Tiny


def test_a_second_agent_is_refused_and_the_first_one_goes_on(running: Tiny) -> None:
    before = running.fleet.snapshot()
    refused = running.fleet.airfleet("up")
    assert refused.returncode == 1
    assert f"fleet 'tiny' is already running (agent {before.pid})" in refused.stderr
    assert "'airfleet status' shows it, 'airfleet down' ends it" in refused.stderr
    assert running.fleet.snapshot().pid == before.pid
    assert running.fleet.snapshot().healthy


def test_a_port_of_fleet_yaml_that_is_in_use(stopped: Tiny) -> None:
    fleet = stopped.fleet
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        fleet.write("fleet.yaml", TINY + f"api_server: {{port: {port}}}\n")
        refused = fleet.airfleet("up", "-d")
    assert refused.returncode == 1
    assert f"port {port} of 127.0.0.1, which fleet.yaml gives to api_server, is in use by another program" in plain(
        refused.stderr
    )
    assert f"'ss -ltnp sport = :{port}' names the program" in plain(refused.stderr)
    assert fleet.pids() == ()


def test_garbage_in_fleet_yaml(stopped: Tiny) -> None:
    fleet = stopped.fleet
    fleet.write("fleet.yaml", "name: tiny\nworkers: {slots: [\n")
    refused = fleet.airfleet("up", "-d")
    assert refused.returncode == 1
    assert "fleet.yaml:3:1: " in refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    assert fleet.pids() == ()


def test_every_problem_of_fleet_yaml_is_said_at_once(stopped: Tiny) -> None:
    fleet = stopped.fleet
    fleet.write("fleet.yaml", "name: tiny\nworker: []\napi_server: {port: 99999}\n")
    refused = fleet.airfleet("up", "-d")
    assert refused.returncode == 1
    assert "fleet.yaml:2:1: worker: unknown key 'worker'" in refused.stderr
    assert "fleet.yaml:3:20: api_server.port: must be a whole number from 1 to 65535" in refused.stderr
    assert fleet.pids() == ()


def test_a_disk_without_room(stopped: Tiny, tmp_path: Path) -> None:
    fleet = stopped.fleet
    home = tmp_path / "small"
    home.mkdir()
    # A mount that only this one command sees; an ordinary user gets it as root of a user namespace.
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    mount = f"mount -t tmpfs -o size=16m,mode=0700 none {shlex.quote(str(home))}"
    small = f"{mount} && exec {shlex.join([*command(), 'up', '-d'])}"
    refused = fleet.with_environment(AIRFLEET_HOME=str(home)).run([*namespace, "sh", "-c", small])
    assert refused.returncode == 1, refused.stderr
    said = plain(refused.stderr)
    assert f"the disk of {home} has 1" in said
    assert "MB left; a fleet needs 300 MB to start" in said
    assert "make room, or name another place with AIRFLEET_HOME" in said
    assert fleet.pids() == ()


@pytest.mark.parametrize(
    ("setting", "name", "words"),
    [("core: {auth_manager: no_such.Manager}", "api-server", "the auth manager Manager cannot start")],
)
def test_a_component_that_dies_at_start_is_named_with_its_last_words(
    stopped: Tiny, setting: str, name: str, words: str
) -> None:
    fleet = stopped.fleet
    fleet.write("fleet.yaml", TINY + f"airflow: {{{setting}}}\n")
    failed = fleet.airfleet("up", "-d", "--timeout", "3m")
    assert failed.returncode == 1, failed.stderr
    sentence, _, rest = failed.stderr[failed.stderr.index(f"{name} did not start") :].partition("\n")
    assert sentence == f"{name} did not start: ended with exit code 1"
    assert words in rest
    assert f"the whole log is {fleet.paths.log(name)}" in plain(rest)
    assert fleet.pids() == ()


def plain(text: str) -> str:
    """The text with its line breaks as blanks: a terminal may wrap it anywhere."""
    return " ".join(text.split())
