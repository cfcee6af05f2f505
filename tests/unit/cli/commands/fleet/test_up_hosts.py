"""``airfleet up --hosts``: what it refuses, and that it leaves nothing behind that later commands would go by."""

from __future__ import annotations

import socket
import threading
from contextlib import AbstractContextManager

import pytest

from airfleet.agent.states import State
from airfleet.cli.commands.fleet import up_hosts
from airfleet.cli.output import terminal
from airfleet.client.project import Project
from airfleet.drill.waiting import wait_until
from airfleet.errors import FleetError
from airfleet.fleet.config.spec import Fleet, Host, Proxy
from airfleet.fleet.planning import local_hosts
from airfleet.system import unix_sockets
from support.command_line import Airfleet
from support.fake_agent import FakeAgent, component, listening, snapshot

NAMED = """\
name: shop
hosts:
  - {name: host-1, address: 127.0.0.1, scheduler: true, api_server: true, dag_processor: true, workers: [{}]}
  - {name: host-2, address: 127.0.0.1, workers: [{}]}
policies: {on_partition: keep}
database: postgresql://db.internal/airflow
broker: redis://queue.internal/0
"""
SECONDS = 10.0
REFUSED = "error: fleet.yaml names the hosts of fleet 'shop' itself"


def test_a_fleet_that_names_its_hosts_is_not_played_and_nothing_says_later_that_it_is(
    project: Project, airfleet: Airfleet
) -> None:
    project.fleet_file.write_text(NAMED)
    result = airfleet("up", "--hosts", "2")
    assert result.code == 1
    assert result.err == (
        f"{REFUSED}\nhint: start each of them: airfleet up --host host-1, airfleet up --host host-2\n"
    )
    assert not project.played.exists()
    assert not project.on("host-1").environment.get(local_hosts.COUNT)


def test_problems_of_fleet_yaml_are_said_before_anything_is_written(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text("bogus: 1\n")
    assert "unknown key 'bogus'" in airfleet("up", "--hosts", "2").err
    assert not (project.root / ".airfleet").exists()


def test_hosts_that_could_not_start_are_not_played(project: Project, airfleet: Airfleet) -> None:
    """The agent of the first one itself refuses."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        project.fleet_file.write_text(
            "name: shop\ndatabase: postgresql://127.0.0.1:1/a\nbroker: redis://127.0.0.1:1/0\n"
            f"api_server: {{port: {port}}}\n"
        )
        result = airfleet("up", "--hosts", "2", "--detach")
    assert result.code == 1
    assert f"port {port} of 127.0.0.1" in result.err
    assert not project.played.exists()


def test_hosts_that_run_are_not_started_again(project: Project, airfleet: Airfleet) -> None:
    its = project.on("host-2").paths
    its.home.mkdir(parents=True)
    with listening(FakeAgent([snapshot(component("worker"))]), its.socket):
        result = airfleet("up", "--hosts", "2")
    assert (result.code, result.err) == (1, "error: there run already: host-2\nhint: airfleet down\n")


def test_hosts_are_not_played_beside_the_fleet_of_the_same_folder(project: Project, airfleet: Airfleet) -> None:
    project.paths.home.mkdir(parents=True)
    with listening(FakeAgent([snapshot(component("worker"))]), project.paths.socket):
        result = airfleet("up", "--hosts", "2")
    assert (result.code, result.err) == (
        1,
        "error: the fleet of this folder runs already, on one host\nhint: airfleet down\n",
    )
    assert not project.played.exists()


def test_a_folder_that_was_not_pushed_is_read_as_it_is(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.fleet_file.write_text("name: shop\n")
    up_hosts._push(project.on("host-1"), 1.0)
    said = "warning: the hosts read the folder that they share, for it was not pushed: the fleet in"
    assert f"{said} {project.root} is not running" in capsys.readouterr().err


def test_an_agent_that_was_killed_does_not_run_although_its_socket_is_there(
    project: Project, airfleet: Airfleet
) -> None:
    project.fleet_file.write_text(NAMED)  # refused for another reason, so that nothing starts here
    its = project.on("host-2").paths
    its.home.mkdir(parents=True)
    its.runtime.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        unix_sockets.bind(left, its.socket)
    assert airfleet("up", "--hosts", "2").err.startswith(REFUSED)


class Hosts:
    """Two hosts, and what is said of them."""

    def __init__(self, project: Project) -> None:
        self.projects = {name: project.on(name) for name in ("host-1", "host-2")}
        self.said: list[str] = []
        self._before = set(threading.enumerate())
        self._shown = threading.Thread(target=up_hosts._say_changes, args=(self.projects,), daemon=True)

    def listens(self, name: str, worker: State) -> AbstractContextManager[FakeAgent]:
        self.projects[name].paths.home.mkdir(parents=True, exist_ok=True)
        return listening(FakeAgent([snapshot(component("worker", worker))]), self.projects[name].paths.socket)

    def show(self) -> None:
        self._shown.start()

    def wait_until_said(self, words: str) -> None:
        wait_until(lambda: any(words in line for line in self.said), SECONDS, f"'{words}' is said", pause_seconds=0.02)

    def wait_for_the_end(self) -> None:
        """Until nobody says or hears anything any more."""
        self._shown.join(SECONDS)
        assert not self._shown.is_alive()
        for thread in set(threading.enumerate()) - self._before:
            if thread.name.startswith("watch "):
                thread.join(SECONDS)
                assert not thread.is_alive()


@pytest.fixture
def hosts(project: Project, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    made = Hosts(project)
    monkeypatch.setattr(terminal, "say", made.said.append)
    return made


def test_what_an_agent_says_that_comes_after_a_dead_one_is_shown_too(hosts: Hosts) -> None:
    with hosts.listens("host-1", State.READY):
        with hosts.listens("host-2", State.READY) as first:
            hosts.show()
            wait_until(lambda: {"watch", "status"} <= set(first.asked), SECONDS, "it is listened to")
        hosts.wait_until_said("the agent of host-2 has ended")
        with hosts.listens("host-2", State.BACKOFF):
            hosts.wait_until_said("host-2 has an agent again")
            hosts.wait_until_said("host-2: worker  restarting")
    hosts.wait_for_the_end()
    assert "the agent of host-1 has ended" in hosts.said


def test_an_agent_that_is_gone_before_it_is_listened_to_has_ended_and_the_others_are_shown_on(hosts: Hosts) -> None:
    with hosts.listens("host-1", State.READY):
        hosts.show()
        hosts.wait_until_said("the agent of host-2 has ended")
        with hosts.listens("host-2", State.READY):
            hosts.wait_until_said("host-2 has an agent again")
        wait_until(lambda: hosts.said.count("the agent of host-2 has ended") == 2, SECONDS, "its end is said")
    hosts.wait_for_the_end()
    assert hosts.said.count("the agent of host-1 has ended") == 1


def test_hosts_that_were_played_once_do_not_stand_for_real_ones_and_the_way_out_is_said() -> None:
    fleet = Fleet("shop", "/srv/shop", hosts=(Host("host-1", "10.0.0.1"), Host("host-2", "10.0.0.2")))
    with pytest.raises(FleetError, match=r"to play 3\nhint: .* /srv/shop/\.airfleet/played-hosts .*remove it"):
        local_hosts.of(fleet, {local_hosts.COUNT: "3", "AIRFLEET_HOST": "host-1"})


@pytest.mark.parametrize(("on", "played"), [(("local",), ("host-1",)), ((), ())])
def test_a_proxy_that_people_run_themselves_stays_theirs(on: tuple[str, ...], played: tuple[str, ...]) -> None:
    spread = local_hosts.spread(Fleet("shop", "/srv/shop", proxy=Proxy(on, "airflow.example.com")), 3)
    assert spread.proxy
    assert spread.proxy.on == played
