"""Airflow's settings as people may see them."""

from __future__ import annotations

import configparser
import os
from dataclasses import fields, replace
from pathlib import Path

import pytest

from airfleet.errors import FleetError
from airfleet.fleet import preview
from airfleet.fleet.components.settings import KNOWS
from airfleet.fleet.config.spec import ApiServer, Fleet, Flower, Host, Instances, Worker, local_host
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.paths import of
from airfleet.fleet.servers.secrets import Secrets
from airfleet.render import airflow_cfg

GOLDEN = Path(__file__).parents[2] / "golden" / "airflow_cfg"
KEPT = Secrets(**{field.name: f"s3cret-{field.name}" for field in fields(Secrets)})
FLEET = Fleet(
    "shop",
    "/srv/shop",
    hosts=(
        Host("front", "10.0.0.1", Instances(1), ApiServer(), Instances(1), Instances(1)),
        Host("work", "10.0.0.2", workers=(Worker(slots=4, queues=("heavy",)),)),
    ),
    database="postgresql://me:s3cret-database@db/airflow",
    broker="sentinel://:s3cret-queue@one:26379;sentinel://two:26379/0?master=main&sentinel_password=s3cret-sentinel",
    flower=Flower("front"),
    airflow={
        "core": {"fernet_key": "s3cret-fernet", "parallelism": "64"},
        "smtp": {"smtp_password": "s3cret-mail", "smtp_user": "100%"},
        "ldap_auth_manager": {"bind_password": "s3cret-ldap"},
    },
    secret_settings=frozenset({"core.fernet_key", "smtp.smtp_password", "ldap_auth_manager.bind_password"}),
)


def context(host: str = "front", fleet: Fleet = FLEET) -> Context:
    return preview.context(fleet, host, of(Path("/srv/shop"), {}), KEPT)


@pytest.mark.parametrize(("name", "host", "kind"), [("front", "front", None), ("worker", "work", "worker")])
def test_the_whole_text(name: str, host: str, kind: str | None) -> None:
    file, text = GOLDEN / f"{name}.cfg", airflow_cfg.configuration(context(host), kind)
    if os.environ.get("AIRFLEET_WRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


WHOLE = Fleet("shop", "/srv/shop", flower=Flower("local"), hosts=(local_host(),))


@pytest.mark.parametrize("fleet", [FLEET, WHOLE], ids=["servers", "embedded"])
def test_no_secret_is_in_any_text(fleet: Fleet) -> None:
    seen = set()
    for host in fleet.hosts:
        here = context(host.name, fleet)
        for kind in (None, *airflow_cfg.kinds(here)):
            seen.add(kind)
            text = airflow_cfg.configuration(here, kind)
            assert "s3cret" not in text
            assert not [value for value in (KEPT.logs_key, KEPT.component_logs_key) if value in text]
    assert seen - {None} == set(KNOWS) - {"migrate", "objects"} - ({"log-server"} if fleet is WHOLE else set())


def test_each_kind_has_what_it_is_trusted_with() -> None:
    def read(host: str, kind: str | None) -> configparser.RawConfigParser:
        parser = configparser.RawConfigParser()
        parser.read_string(airflow_cfg.configuration(context(host), kind))
        return parser

    scheduler, worker, every = read("front", "scheduler"), read("work", "worker"), read("front", None)
    assert scheduler["database"]["sql_alchemy_conn"] == "postgresql+psycopg://me:***@db/airflow"
    assert scheduler["api_auth"]["jwt_secret"] == scheduler["core"]["fernet_key"] == "***"
    assert "fernet_key" not in every["core"]
    assert "jwt_secret" not in worker["api_auth"]
    assert "none@127.0.0.1" in worker["database"]["sql_alchemy_conn"]
    assert every["smtp"]["smtp_user"] == "100%%"


def test_the_cores_of_another_machine_are_not_made_up() -> None:
    assert "worker_concurrency" not in airflow_cfg.configuration(context())
    assert "worker_concurrency = 16" in airflow_cfg.configuration(replace(context(), cores=8))


@pytest.mark.parametrize(
    ("host", "kind", "hint"),
    [
        ("work", "scheduler", "it has: worker, log-server"),
        ("front", "sheduler", "did you mean 'scheduler'?"),
        ("front", "migrate", "it has: "),
    ],
)
def test_a_component_that_the_host_has_not(host: str, kind: str, hint: str) -> None:
    with pytest.raises(FleetError) as refused:
        airflow_cfg.configuration(context(host), kind)
    assert hint in (refused.value.hint or "")
