"""Each setting that airfleet gives Airflow is in one of the tables that say what a user's value of it does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from airfleet.fleet.airflow import managed_settings
from airfleet.fleet.components import settings
from airfleet.fleet.config.spec import Fleet, Flower
from airfleet.fleet.planning import airflow_settings
from airfleet.fleet.planning.context import Context, Ports
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.servers import secrets

#: what only airfleet reads, of itself
INTERNAL = {"logs_key", "component_logs_key", "flower_cookie_secret", "objects"}
BROKERS = (
    "redis://queue/0",
    "rediss://queue/0?ca=/a.pem",
    "amqps://me:x@queue/shop?ca=/a.pem&cert=/b.pem&key=/c.pem",
    "sentinel://me:x@queue/0?master=main&tls=true&ca=/a.pem",
)


def all_settings() -> set[str]:
    """``section.option`` of every setting of every component, with each kind of broker."""
    found: set[str] = set()
    for broker in BROKERS:
        made = context(replace(Fleet("shop", "/srv/shop", flower=Flower("local")), broker=broker))
        sections = airflow_settings.sections(made)
        found |= {f"{section}.{key}" for section, values in sections.items() for key in values}
        for kind in settings.KNOWS:
            found |= {f"{section}.{key}" for section, key, _ in settings.settings(made, kind)}
    return {name for name in found if name.partition(".")[2] not in INTERNAL}


def context(fleet: Fleet) -> Context:
    paths = Paths(home=Path("/srv/shop/.airfleet"), runtime=Path("/run/airfleet-1"))
    ports = Ports(api_servers=(8080,), postgres=5432, broker=6379 if fleet.runs_broker else None)
    return Context(fleet, paths, ports, secrets.generate())


def test_what_becomes_of_a_users_value_is_decided_for_each_setting_that_airfleet_gives() -> None:
    decided = managed_settings.OVERRIDABLE | managed_settings.MERGED | managed_settings.REFUSED.keys()
    assert all_settings() - decided == set()


def test_no_setting_is_in_two_tables() -> None:
    tables = [
        set(managed_settings.OVERRIDABLE),
        set(managed_settings.MERGED),
        set(managed_settings.REFUSED),
        set(managed_settings.WITHOUT_EFFECT),
    ]
    assert sum(map(len, tables)) == len(set().union(*tables))


def test_each_overridable_setting_that_a_user_gives_is_in_force() -> None:
    for name in sorted(managed_settings.OVERRIDABLE):
        section, _, option = name.partition(".")
        made = context(replace(Fleet("shop", "/srv/shop"), airflow={section: {option: "17"}}))
        assert airflow_settings.sections(made)[section][option] == "17", name
        for kind in settings.KNOWS:  # no component is told another value
            told = {f"{part}.{key}": value for part, key, value in settings.settings(made, kind)}
            assert told.get(name, "17") == "17", name


def test_the_celery_executor_may_be_named_and_is_ours() -> None:
    made = context(replace(Fleet("shop", "/srv/shop"), airflow={"core": {"executor": "CeleryExecutor"}}))
    assert airflow_settings.sections(made)["core"]["executor"].endswith("FleetExecutor")
