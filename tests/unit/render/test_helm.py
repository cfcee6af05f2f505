"""Values for Airflow's own chart: keys that it has, and no secret."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from airfleet.fleet.config.objects import Connection, Objects, Variable
from airfleet.fleet.config.spec import (
    ApiServer,
    Fleet,
    Flower,
    Host,
    Instances,
    Proxy,
    Tls,
    Worker,
    local_host,
)
from airfleet.render.helm import Deployment, needed, text, values

GOLDEN = Path(__file__).parents[2] / "golden" / "helm"
#: below these everything is the fleet's, or of Kubernetes itself
FREE = ("config", "scheduler.resources", "apiServer.resources", "dagProcessor.resources", "triggerer.resources")
FREE = (*FREE, "workers.celery.sets[].resources", "dagProcessor.dagBundleConfigList[].kwargs")

SEVERAL = Fleet(
    "Shop_1",
    "/srv/shop",
    hosts=(
        Host("one", "10.0.0.1", Instances(1, 2**30), ApiServer(count=2), Instances(1), Instances(1, 2**29)),
        Host("two", "10.0.0.2", Instances(1, 2**31), ApiServer(memory_bytes=2**30), Instances(1, 2**30)),
        Host("work", "10.0.0.3", workers=(Worker(slots=4), Worker("heavy_1", ("a", "b"), memory_bytes=2**32, count=2))),
    ),
    database="postgresql://me:s3cret@db/airflow",
    broker="redis://:s3cret@queue/0",
    proxy=Proxy(("one",), "airflow.example.com", airflow_path="/a", tls=Tls("/c.pem", "/k.pem")),
    flower=Flower("one"),
    vars={"bucket": "orders", "token": "s3cret"},
    environment={"PLAIN": "x", "TOKEN": "s3cret"},
    airflow={
        "core": {"parallelism": "64", "executor": "CeleryExecutor", "fernet_key": "s3cret"},
        "sentry": {"sentry_dsn": "s3cret"},
        "smtp": {"smtp_host": "s3cret"},
        "email": {"subject_template": "{{ ti }}"},
    },
    secret_settings=frozenset({"core.fernet_key", "sentry.sentry_dsn"}),
    objects=Objects(
        connections=(Connection("ware house", password="s3cret"),), variables=(Variable("region", "s3cret"),)
    ),
)
THERE = Deployment(
    "registry/shop", "7", hidden=("TOKEN", "AIRFLEET_VAR_token"), hidden_settings=frozenset({"smtp.smtp_host"})
)
ALONE = Fleet("shop", "/srv/shop", hosts=(local_host(),))


@pytest.mark.parametrize(("name", "fleet"), [("several", SEVERAL), ("alone", ALONE)])
def test_the_whole_text(name: str, fleet: Fleet) -> None:
    file, written = GOLDEN / f"{name}.yaml", text(fleet, THERE)
    if os.environ.get("AIRFLEET_WRITE_GOLDEN"):
        file.write_text(written)
    assert written == file.read_text()
    assert yaml.safe_load(written) == values(fleet, THERE)


def paths(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all leaves, down to where the chart leaves the rest to others."""
    if path in FREE or not isinstance(value, dict | list):
        yield path
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from paths(below, f"{path}.{key}" if path else key)
    elif all(not isinstance(one, dict) for one in value):
        yield path
    else:
        for one in value:
            yield from paths(one, f"{path}[]")


def test_every_key_is_one_of_the_chart_and_each_known_one_is_written() -> None:
    lines = (GOLDEN / "keys.txt").read_text().splitlines()
    known = {line for line in lines if not line.startswith("#")}
    assert set(paths(values(SEVERAL, THERE))) == known


def test_no_secret_is_in_the_values() -> None:
    assert "s3cret" not in text(SEVERAL, THERE)


def test_each_secret_that_is_named_is_listed() -> None:
    found = values(SEVERAL, THERE)
    named = {(one["secretName"], one["secretKey"]) for one in found["secret"]}
    names = {found["fernetKeySecretName"], found["jwtSecretName"], found["apiSecretKeySecretName"]}
    names |= {*found["data"].values(), found["flower"]["secretName"]}
    listed = needed(SEVERAL, THERE)
    assert names <= {secret.name for secret in listed}
    assert named <= {(secret.name, secret.key) for secret in listed}
    assert ("shop-1-connections", "ware_house") in named
    assert ("shop-1-settings", "core.fernet_key") not in named


def test_embedded_servers_are_those_of_the_chart() -> None:
    found = values(ALONE, THERE)
    assert found["postgresql"] == found["redis"] == {"enabled": True}
    assert "data" not in found
    mixed = values(replace(ALONE, broker="amqp://me@queue/shop"), THERE)
    assert (mixed["postgresql"], mixed["redis"]) == ({"enabled": True}, {"enabled": False})
    assert mixed["data"] == {"brokerUrlSecretName": "shop-broker"}


def test_components_of_all_hosts_add_up_with_the_largest_memory() -> None:
    found = values(SEVERAL, THERE)
    assert (found["scheduler"]["replicas"], found["apiServer"]["replicas"]) == (2, 3)
    assert found["scheduler"]["resources"]["limits"] == {"memory": str(2**31)}
    assert "resources" not in values(ALONE, THERE)["scheduler"]


def test_workers_with_their_queues_and_slots() -> None:
    light, heavy = values(SEVERAL, THERE)["workers"]["celery"]["sets"]
    assert (light["name"], light["queue"]) == ("work-worker", "default")
    assert light["args"][-1] == "exec airflow celery worker --concurrency 4"
    assert (heavy["name"], heavy["queue"], heavy["replicas"]) == ("work-heavy-1", "a,b", 2)
    assert heavy["args"][-1] == "exec airflow celery worker"


def test_settings_are_no_templates_of_the_chart() -> None:
    config = values(SEVERAL, THERE)["config"]
    assert config["email"]["subject_template"] == '{{ "{{" }} ti }}'
    assert config["core"]["parallelism"] == "64"
    assert "executor" not in config["core"]
    assert "smtp" not in config
