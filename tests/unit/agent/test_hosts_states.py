"""Which host an agent is, whether it has the secrets for it, and what becomes of a laptop's fleet on several hosts."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from airfleet.agent.cluster import identity
from airfleet.agent.host import netns
from airfleet.agent.servers import embedded_postgres
from airfleet.client.project import Project
from airfleet.errors import FleetError
from airfleet.fleet.config.spec import ApiServer, Fleet, Host, Instances, Worker
from airfleet.fleet.planning import local_hosts, paths
from airfleet.fleet.planning.context import Context, Ports
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.servers import secrets

CONTROL = Host("control", "10.0.0.1", Instances(), ApiServer(), Instances(), Instances())
WORK = Host("work-1", "10.0.0.2", workers=(Worker(),))
SHOP = Fleet("shop", "/shop", hosts=(CONTROL, WORK), database="postgresql://db/airflow", broker="redis://mq/0")
LAPTOP = Fleet("laptop", "/laptop")


@pytest.mark.parametrize(
    ("fleet", "environ", "machine", "host"),
    [
        (LAPTOP, {}, "anything", "local"),
        (SHOP, {"AIRFLEET_HOST": "work-1"}, "control", "work-1"),
        (SHOP, {}, "work-1.example.com", "work-1"),
        (SHOP, {"AIRFLEET_HOST": ""}, "control", "control"),
    ],
)
def test_which_host_this_is(fleet: Fleet, environ: dict[str, str], machine: str, host: str) -> None:
    assert identity.choose(fleet, environ, machine).name == host


@pytest.mark.parametrize(
    ("fleet", "environ", "sentence", "hint"),
    [
        (SHOP, {}, "fleet 'shop' has 2 hosts, and none is named as this machine is ('box')", "--host NAME"),
        (SHOP, {"AIRFLEET_HOST": "wrok-1"}, "fleet 'shop' has no host 'wrok-1'", "work-1"),
        (LAPTOP, {"AIRFLEET_HOST": "work-1"}, "fleet 'laptop' has no hosts with names", "leave --host out"),
    ],
)
def test_no_telling_which_host_this_is(fleet: Fleet, environ: dict[str, str], sentence: str, hint: str) -> None:
    with pytest.raises(FleetError) as refused:
        identity.choose(fleet, environ, "box")
    assert refused.value.sentence == sentence
    assert hint in (refused.value.hint or "")


def test_a_worker_of_others_servers_needs_to_know_next_to_nothing() -> None:
    assert identity.needed(SHOP, WORK) == ("peers_key",)
    assert identity.needed(SHOP, CONTROL) == (
        "api_secret_key",
        "fernet_key",
        "jwt_secret",
        "peers_key",
        "user_password",
    )


@pytest.fixture
def places(tmp_path: Path) -> Callable[[str], Paths]:
    return lambda name: Paths(tmp_path / name, tmp_path / name)


def test_secrets_are_made_on_the_first_host_and_carried_to_the_others(places: Callable[[str], Paths]) -> None:
    made = identity.secrets_of(SHOP, CONTROL, places("control"), {})
    with pytest.raises(FleetError) as refused:
        identity.secrets_of(SHOP, WORK, places("work"), {})
    assert refused.value.sentence == "the secrets of fleet 'shop' are not on this host"
    assert "airfleet secrets export --host work-1" in (refused.value.hint or "")

    secrets.write_private(places("work").secrets, secrets.parcel(made, identity.needed(SHOP, WORK), "shop", "work-1"))
    carried = identity.secrets_of(SHOP, WORK, places("work"), {})
    assert carried.peers_key == made.peers_key
    assert (carried.fernet_key, carried.jwt_secret, carried.user_password) == ("", "", "")
    with pytest.raises(FleetError, match="runs more now than it has secrets for"):
        identity.secrets_of(SHOP, CONTROL, places("work"), {})


@pytest.mark.parametrize(
    ("text", "fleet", "host", "sentence"),
    [
        ("{}", "shop", None, "not written by"),
        ("not json", "shop", None, "not written by"),
        ("[]", "shop", None, "not written by"),
        (json.dumps({"for_fleet": "shop", "for_host": "work-1", "peers_key": 1}), "shop", None, "not written by"),
        (json.dumps({"for_fleet": "shop", "for_host": "work-1"}), "mine", None, "it is of fleet 'shop'"),
        (json.dumps({"for_fleet": "shop", "for_host": "work-1"}), "shop", "work-2", "it is for host 'work-1'"),
    ],
)
def test_secrets_of_others_are_not_taken(text: str, fleet: str, host: str | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        secrets.unpack(text, fleet, host)


def test_agents_that_share_a_folder_have_homes_of_their_own_and_the_same_secrets(tmp_path: Path) -> None:
    one, two = (paths.of(tmp_path, {"AIRFLEET_HOST": name}) for name in ("one", "two"))
    assert one.home == tmp_path / ".airfleet" / "hosts" / "one"
    assert one.runtime != two.runtime
    assert one.secrets == two.secrets == tmp_path / ".airfleet" / "secrets.json"
    elsewhere = paths.of(tmp_path, {"AIRFLEET_HOST": "one", "AIRFLEET_HOME": "/data"})
    assert (elsewhere.home, elsewhere.secrets) == (Path("/data"), Path("/data/secrets.json"))


def test_a_laptops_fleet_on_three_hosts_has_two_schedulers_and_three_workers() -> None:
    fleet = local_hosts.of(LAPTOP, {local_hosts.COUNT: "3"})
    assert [host.name for host in fleet.hosts] == ["host-1", "host-2", "host-3"]
    assert [host.scheduler.count for host in fleet.hosts] == [1, 1, 0]
    assert [host.api_server.count for host in fleet.hosts] == [1, 0, 0]
    assert [len(host.workers) for host in fleet.hosts] == [1, 1, 1]
    with pytest.raises(FleetError, match="names the hosts of fleet 'shop' itself"):
        local_hosts.of(SHOP, {local_hosts.COUNT: "3"})


def test_the_others_find_the_servers_of_the_first(tmp_path: Path) -> None:
    fleet, first = local_hosts.spread(LAPTOP, 2), Paths(tmp_path, tmp_path)
    kept = secrets.generate()
    with pytest.raises(FleetError, match="was never started"):
        local_hosts.seen_from("host-2", fleet, first, kept)
    first.ports.write_text(json.dumps({"api_server": 8081, "postgres": 5433, "broker": 6380}))
    seen = local_hosts.seen_from("host-2", fleet, first, kept)
    assert f"airflow:{kept.airflow_password}@127.0.0.1:5433/airflow" in seen.database
    assert seen.broker == f"redis://:{kept.broker_password}@127.0.0.1:6380/0"
    assert seen.hosts[0].api_addresses == (("127.0.0.1", 8081),)
    assert seen.witness == "127.0.0.1:5433"
    assert local_hosts.seen_from("host-1", fleet, first, kept) == fleet


# --- hosts with networks of their own ------------------------------------------------------------------------------


def test_hosts_with_networks_of_their_own_have_addresses_there_and_the_servers_are_at_the_first(tmp_path: Path) -> None:
    network = local_hosts.Network(37)
    fleet = local_hosts.of(LAPTOP, {local_hosts.COUNT: "3", local_hosts.NETWORK: network.prefix})
    assert [host.address for host in fleet.hosts] == ["198.18.37.1", "198.18.37.2", "198.18.37.3"]
    first = Paths(tmp_path, tmp_path)
    first.ports.write_text(json.dumps({"api_server": 8080, "postgres": 5432, "broker": 6379}))
    seen = local_hosts.seen_from("host-2", fleet, first, secrets.generate())
    assert "@198.18.37.1:5432/airflow" in seen.database
    assert seen.broker.endswith("@198.18.37.1:6379/0")
    assert seen.hosts[0].api_addresses == (("198.18.37.1", 8080),)


@pytest.mark.parametrize(
    ("address", "listens"),
    [
        ("127.0.0.1", ("127.0.0.1",)),
        ("198.18.37.1", ("127.0.0.1", "198.18.37.1")),
        ("10.0.0.1", ("127.0.0.1",)),  # an embedded server is never open to a real network
    ],
)
def test_where_embedded_servers_listen(address: str, listens: tuple[str, ...], tmp_path: Path) -> None:
    fleet = Fleet("one", "/one", hosts=(Host("main", address),))
    made = Context(fleet, Paths(tmp_path, tmp_path), Ports(), secrets.generate(), host="main")
    assert made.served_addresses == listens


INITDB = "host    all             all             127.0.0.1/32            scram-sha-256\n"


def test_a_network_is_let_in_once_for_its_role_and_no_longer_than_it_is_named(tmp_path: Path) -> None:
    rules = tmp_path / "pg_hba.conf"
    rules.write_text(f"{INITDB}host all all 198.18.9.0/24 scram-sha-256\n")  # as an older airfleet let it in
    rules.chmod(0o600)
    for networks in (["198.18.37.0/24", "198.18.38.0/24"], ["198.18.37.0/24"], ["198.18.37.0/24"]):
        embedded_postgres.let_in(rules, [f"{network} airflow" for network in networks])
        allowed = [line for line in rules.read_text().splitlines()[1:] if not line.startswith("#")]
        assert allowed == [f"host all airflow {network} scram-sha-256" for network in networks]
    with rules.open("a") as file:
        file.write("host shop me 10.0.0.0/8 scram-sha-256\n")
    embedded_postgres.let_in(rules, [])
    assert rules.read_text() == f"{INITDB}host shop me 10.0.0.0/8 scram-sha-256\n"
    assert stat.S_IMODE(rules.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [rules]


def test_no_link_is_followed_where_the_rules_should_be(tmp_path: Path) -> None:
    (tmp_path / "shadow").write_text("nobody's business\n")
    (tmp_path / "pg_hba.conf").symlink_to(tmp_path / "shadow")
    with pytest.raises(OSError, match="symbolic links"):
        embedded_postgres.let_in(tmp_path / "pg_hba.conf", ["198.18.37.0/24 airflow"])
    assert (tmp_path / "shadow").read_text() == "nobody's business\n"


def test_an_agent_is_started_in_its_namespace_when_it_has_one() -> None:
    assert netns.within(["python"], {}) == ["python"]
    within = netns.within(["python", "-m", "x"], {local_hosts.NAMESPACE: "airfleet-37-2"})
    assert within[-3:] == ["python", "-m", "x"]
    assert any("airfleet-37-2" in word for word in within[:-3])


def test_a_project_knows_the_network_that_its_hosts_have(tmp_path: Path) -> None:
    here = Project(tmp_path, {"AIRFLEET_HOST": "host-2"})
    (tmp_path / ".airfleet").mkdir()
    here.played.write_text("3")
    assert here.environment == {"AIRFLEET_LOCAL_HOSTS": "3", "AIRFLEET_HOST": "host-2"}
    here.network.write_text("37")
    assert here.environment[local_hosts.NETWORK] == "198.18.37"
    assert here.environment[local_hosts.NAMESPACE] == "airfleet-37-2"
