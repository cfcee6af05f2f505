"""What stands in a host's unit; what systemd makes of it is tested with the real one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.errors import FleetError
from airfleet.fleet.config.spec import ApiServer, Fleet, Host, Instances, Proxy, Tls, Worker, local_host
from airfleet.render.systemd import Installation, files, unit

GOLDEN = Path(__file__).parents[2] / "golden" / "systemd"

HERE = Installation("/srv/shop/.venv/bin/airfleet", "/srv/shop", "shop")
ALONE = Fleet("shop", "/srv/shop", database="postgresql://me@localhost/airflow", broker="amqp://me@127.0.0.1/shop")
FRONT = Host("front", "10.0.0.1", Instances(1), ApiServer(), Instances(1), Instances(1))
WORK = Host("work-1", "10.0.0.2", workers=(Worker(memory_bytes=2**31),))
SEVERAL = Fleet(
    "shop",
    "/srv/shop",
    hosts=(FRONT, WORK),
    database="postgresql://me@db/airflow",
    broker="redis://10.0.0.1/0",
    proxy=Proxy(("front",), "airflow.example.com", tls=Tls("/c.pem", "/k.pem")),
)
THERE = replace(HERE, overlay="prod", variables=("BROKER", "API"), home="/var/lib/a fleet", drain_seconds=600)


@pytest.mark.parametrize(
    ("name", "fleet", "host", "at"),
    [("alone", ALONE, ALONE.hosts[0], HERE), ("front", SEVERAL, FRONT, THERE), ("work", SEVERAL, WORK, HERE)],
)
def test_the_whole_text(name: str, fleet: Fleet, host: Host, at: Installation) -> None:
    file, text = GOLDEN / f"{name}.service", unit(fleet, host, at)
    if os.environ.get("AIRFLEET_WRITE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def lines(fleet: Fleet = ALONE, host: Host | None = None, at: Installation = HERE) -> list[str]:
    return unit(fleet, host or fleet.hosts[0], at).splitlines()


def test_a_unit_for_each_host() -> None:
    assert list(files(SEVERAL, SEVERAL.hosts, HERE)) == ["airfleet-shop-front.service", "airfleet-shop-work-1.service"]
    assert list(files(ALONE, ALONE.hosts, HERE)) == ["airfleet-shop.service"]


@pytest.mark.parametrize(("drain", "stop"), [(0, "40s"), (60, "100s"), (3600, "3640s")])
def test_systemd_waits_longer_than_tasks_may_take(drain: int, stop: str) -> None:
    found = lines(at=replace(HERE, drain_seconds=drain))
    assert f"TimeoutStopSec={stop}" in found
    assert any(line.startswith("ExecStart=") and line.endswith(f"--drain {drain}s") for line in found)


@pytest.mark.parametrize(
    ("server", "service"),
    [("127.0.0.1", True), ("localhost", True), ("10.0.0.1", True), ("front", True), ("10.0.0.9", False)],
)
def test_a_fleet_ends_before_the_database_beside_it(server: str, service: bool) -> None:
    fleet = replace(SEVERAL, database=f"postgresql://me@other,{server}/airflow", broker="redis://far/0")
    [after] = [line for line in lines(fleet, FRONT) if line.startswith("After=")]
    assert ("postgresql.service" in after.split()) == service
    assert "postgresql.service" not in lines(replace(ALONE, database="embedded"))


def test_a_broker_whose_url_is_a_secret_elsewhere_is_no_obstacle() -> None:
    assert "After=network-online.target" in lines(replace(ALONE, database="embedded", broker="***"))


def test_root_runs_as_root() -> None:
    found = lines(at=replace(HERE, user="root"))
    assert not any(line.startswith("User=") for line in found)


@pytest.mark.parametrize(
    ("proxy", "user", "needed"),
    [
        (Proxy(("local",), "a.example.com"), "shop", True),
        (Proxy(("local",), "a.example.com", port=8443, tls=Tls("/c", "/k"), redirect=80), "shop", True),
        (Proxy(("local",), "a.example.com", port=8080), "shop", False),
        (Proxy((), "a.example.com"), "shop", False),
        (Proxy(("local",), "a.example.com"), "root", False),
    ],
)
def test_nginx_may_open_its_port(proxy: Proxy, user: str, needed: bool) -> None:
    found = lines(replace(ALONE, proxy=proxy), at=replace(HERE, user=user))
    assert ("AmbientCapabilities=CAP_NET_BIND_SERVICE" in found) == needed


def test_a_fleet_below_a_folder_that_is_closed_may_write_there() -> None:
    assert "ReadWritePaths=/usr/local/shop" in lines(at=replace(HERE, project="/usr/local/shop"))
    assert not any(line.startswith("ReadWritePaths") for line in lines())


def test_words_that_systemd_would_change_are_escaped() -> None:
    found = lines(at=replace(HERE, project='/srv/a $b %c "d"', program="/opt/e f/airfleet"))
    assert 'WorkingDirectory=/srv/a $b %%c "d"' in found
    [start] = [line for line in found if line.startswith("ExecStart=")]
    assert start.startswith(r'ExecStart="/opt/e f/airfleet" -C "/srv/a $$b %%c \"d\"" up')


@pytest.mark.parametrize(
    "at", [replace(HERE, project="/srv/a\nUser=root"), replace(HERE, user="a\n"), replace(HERE, home="/a\\")]
)
def test_a_value_cannot_become_a_line(at: Installation) -> None:
    with pytest.raises(FleetError, match="cannot stand in a unit"):
        unit(ALONE, local_host(), at)
