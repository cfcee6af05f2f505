"""The compose file of a fleet: its hosts as containers, in one network or in that of the machine."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from airfleet.fleet.config.spec import ApiServer, Fleet, Host, Instances, Proxy, Tls, Worker, local_host
from airfleet.render import compose
from airfleet.render.compose import Deployment, document, text
from airfleet.render.compose_servers import broker, database

GOLDEN = Path(__file__).parents[2] / "golden" / "compose"

CONTROL = Host("control", "10.20.0.11", Instances(1), ApiServer(), Instances(1), Instances(1))
WORK = Host("work", "10.20.0.12", workers=(Worker(memory_bytes=2**31),))
FRONT = Host("front", "front.internal", api_server=ApiServer())
SEVERAL = Fleet(
    "Shop",
    "/srv/shop",
    hosts=(CONTROL, WORK, FRONT),
    database="postgresql://airflow:***@postgres/airflow",
    broker="redis://:***@valkey:6379/0",
    proxy=Proxy(("front",), "airflow.example.com", tls=Tls("/etc/ssl/a.pem", "/srv/shop/tls/a.key")),
    secrets_folder="/srv/shop/secrets",
)
SERVERS = (
    database("postgresql://airflow:${{ secrets.database_password }}@postgres/airflow"),
    broker("redis://:${{ secrets.broker_password }}@valkey:6379/0"),
)
THERE = Deployment(
    project="..",
    uid=1000,
    gid=1000,
    overlay="prod",
    secrets=("database_password", "broker_password"),
    secrets_folder="../secrets",
    variables=("API_TOKEN",),
    drain_seconds=600,
    servers=SERVERS,
)
ALONE = Fleet("shop", "/srv/shop", hosts=(local_host(),))


@pytest.mark.parametrize(
    ("name", "fleet", "hosts", "at"),
    [
        ("several", SEVERAL, SEVERAL.hosts, THERE),
        ("alone", ALONE, ALONE.hosts, Deployment(uid=1000, gid=1000)),
        ("one_of_several", SEVERAL, (WORK,), replace(THERE, servers=())),
    ],
)
def test_the_whole_text(name: str, fleet: Fleet, hosts: tuple[Host, ...], at: Deployment) -> None:
    file, written = GOLDEN / f"{name}.yaml", text(fleet, hosts, at)
    if os.environ.get("AIRFLEET_WRITE_GOLDEN"):
        file.write_text(written)
    assert written == file.read_text()
    assert yaml.safe_load(written) == document(fleet, hosts, at)


def services(fleet: Fleet = SEVERAL, hosts: tuple[Host, ...] | None = None, at: Deployment = THERE) -> dict[str, Any]:
    return document(fleet, hosts or fleet.hosts, at)["services"]


#: keys of a service that the Compose Specification has (schema/compose-spec.json of 2026-06, commit 170098b)
KEYS = {
    "build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "hostname", "image", "init", "networks",
    "network_mode", "ports", "restart", "secrets", "security_opt", "shm_size", "stop_grace_period", "tmpfs", "ulimits",
    "user", "volumes",
}  # fmt: skip


def test_services_have_keys_of_the_specification_alone() -> None:
    found = [services(), services(ALONE, at=Deployment())]
    assert {key for services in found for service in services.values() for key in service} == KEYS


def test_what_a_service_names_is_declared() -> None:
    whole = document(SEVERAL, SEVERAL.hosts, THERE)
    for service in whole["services"].values():
        mounted = [volume.split(":")[0] for volume in service["volumes"]]
        assert {name for name in mounted if "/" not in name and name != ".."} <= set(whole["volumes"])
        sources = {secret if isinstance(secret, str) else secret["source"] for secret in service["secrets"]}
        assert sources <= set(whole["secrets"])
        assert set(service["networks"]) <= set(whole["networks"])
        assert set(service.get("depends_on", ())) <= set(whole["services"])


def test_a_host_has_secrets_of_its_own_and_cannot_see_others() -> None:
    for name in ("control", "work"):
        service = services()[name]
        own = [secret for secret in service["secrets"] if secret["source"].startswith("airfleet_")]
        assert own == [{"source": f"airfleet_{name}", "target": "/run/secrets/airfleet"}]
        assert service["tmpfs"] == ["/srv/shop/.airfleet", "/srv/shop/secrets"]


def test_secrets_lie_where_fleet_yaml_looks_for_them() -> None:
    def targets(folder: str) -> set[str]:
        service = services(replace(SEVERAL, secrets_folder=folder))["work"]
        assert "/srv/shop/.airfleet" in service["tmpfs"]
        return {secret["target"] for secret in service["secrets"]} - {"/run/secrets/airfleet"}

    assert targets("") == {"/srv/shop/secrets/broker_password", "/srv/shop/secrets/database_password"}
    assert targets("/run/secrets") == {"/run/secrets/broker_password", "/run/secrets/database_password"}


def test_no_variable_has_a_value_in_the_file() -> None:
    environment = services()["control"]["environment"]
    assert environment["API_TOKEN"] is None
    assert environment["AIRFLEET_ENV"] == "prod"


def test_a_container_has_longer_to_stop_than_its_tasks() -> None:
    service = services()["work"]
    assert service["command"][-2:] == ["--drain", "600s"]
    assert service["stop_grace_period"] == "640s"


@pytest.mark.parametrize(
    ("fleet", "is_host"),
    [
        (ALONE, True),
        (replace(ALONE, hosts=(local_host(api_server=ApiServer("0.0.0.0")),)), False),
        (replace(ALONE, proxy=Proxy(("local",), "a.example.com")), False),
        (replace(ALONE, proxy=Proxy((), "a.example.com")), True),
        (
            replace(
                ALONE,
                database="postgresql://me@localhost/airflow",
                hosts=(local_host(api_server=ApiServer("0.0.0.0")),),
            ),
            True,
        ),
    ],
)
def test_what_only_its_machine_reaches_has_the_network_of_its_machine(fleet: Fleet, is_host: bool) -> None:
    service = services(fleet, at=Deployment())["airfleet"]
    assert (service.get("network_mode") == "host") == is_host
    assert ("ports" in service) == (not is_host)


def test_ports_lead_to_the_proxy_or_from_this_machine_to_the_api() -> None:
    assert services()["front"]["ports"] == ["443:443", "80:80"]
    assert "ports" not in services()["control"]
    without = services(replace(SEVERAL, proxy=None))
    assert without["control"]["ports"] == ["127.0.0.1:8080:8080"]
    assert "ports" not in without["front"]


def test_a_host_without_api_servers_publishes_nothing() -> None:
    headless = replace(ALONE, hosts=(local_host(api_server=ApiServer("0.0.0.0", count=0)),))
    assert compose.publishes(headless, headless.hosts[0], headless.hosts) == ()


def test_root_keeps_the_rights_that_it_gives_away_itself() -> None:
    ordinary, root = (services(at=replace(THERE, uid=uid, gid=uid))["work"] for uid in (1000, 0))
    assert ordinary["cap_drop"] == ["ALL"]
    assert ordinary["build"]["args"] == {"AIRFLEET_UID": "1000", "AIRFLEET_GID": "1000"}
    assert "cap_drop" not in root
    assert root["user"] == "0:0"
    assert root["build"]["args"] == {}


def test_a_certificate_outside_the_project_is_mounted_where_nginx_runs() -> None:
    assert "/etc/ssl/a.pem:/etc/ssl/a.pem:ro" in services()["front"]["volumes"]
    assert not any("/etc/ssl" in volume for volume in services()["control"]["volumes"])
    assert not any("a.key" in volume for volume in services()["front"]["volumes"])
