"""Which host an agent is, and whether it has the secrets for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from airfleet.agent.cluster import identity
from airfleet.errors import FleetError
from airfleet.fleet.config.spec import ApiServer, Fleet, Host, Instances, Worker
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
