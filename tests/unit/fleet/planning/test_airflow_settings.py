"""``airflow.cfg``: our coordinator serves every queue, and whatever a user adds stands beside it."""

from __future__ import annotations

import configparser
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airfleet.fleet.components import settings as airflow
from airfleet.fleet.config.spec import Fleet, Worker, local_host
from airfleet.fleet.planning import airflow_settings
from airfleet.fleet.planning.context import Context, Ports
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.servers import secrets
from airfleet.metadata import heartbeat_trigger
from airfleet.system import clock_skew

OURS = {"airfleet": {"classpath": "airfleet.worker.coordinator.TaskCoordinator"}}
GO = {"go": {"classpath": "provider.GoCoordinator", "kwargs": {"path": "/go"}}}


def sdk(settings: Mapping[str, Mapping[str, str]] | None = None, **changes: Any) -> dict[str, str]:
    """The section about coordinators, as Airflow will read it."""
    return dict(written(settings, **changes)["sdk"])


def written(settings: Mapping[str, Mapping[str, str]] | None = None, **changes: Any) -> configparser.RawConfigParser:
    """All of it."""
    parser = configparser.RawConfigParser()
    parser.read_string(airflow_settings.configuration(context(settings, **changes)))
    return parser


def context(settings: Mapping[str, Mapping[str, str]] | None = None, **changes: Any) -> Context:
    """A fleet with these settings of Airflow's."""
    fleet = replace(Fleet(name="shop", root="/srv/shop"), airflow=settings or {}, **changes)
    paths = Paths(home=Path("/srv/shop/.airfleet"), runtime=Path("/run/airfleet-1"))
    return Context(fleet, paths, Ports(api_servers=(8080,), postgres=5432, broker=6379), secrets.generate())


def test_every_queue_of_a_fleet_has_our_coordinator() -> None:
    workers = (Worker(name="light", queues=("default", "small")), Worker(name="heavy", queues=("large",)))
    found = sdk(hosts=(local_host(workers=workers),))
    assert json.loads(found["coordinators"]) == OURS
    assert json.loads(found["queue_to_coordinator"]) == dict.fromkeys(("default", "small", "large"), "airfleet")


def test_the_default_queue_has_it_even_where_no_worker_serves_it() -> None:
    found = sdk(hosts=(local_host(workers=(Worker(name="heavy", queues=("large",)),)),))
    assert json.loads(found["queue_to_coordinator"]) == {"default": "airfleet", "large": "airfleet"}


def test_coordinators_of_a_user_stand_beside_ours() -> None:
    found = sdk({"sdk": {"coordinators": json.dumps(GO), "queue_to_coordinator": '{"go": "go"}'}})
    assert json.loads(found["coordinators"]) == OURS | GO
    assert json.loads(found["queue_to_coordinator"]) == {"default": "airfleet", "go": "go"}


def test_a_user_may_give_a_queue_another_coordinator() -> None:
    found = sdk({"sdk": {"coordinators": json.dumps(GO), "queue_to_coordinator": '{"default": "go"}'}})
    assert json.loads(found["queue_to_coordinator"]) == {"default": "go"}


def test_a_user_may_replace_ours() -> None:
    other = {"airfleet": {"classpath": "shop.Coordinator"}}
    assert json.loads(sdk({"sdk": {"coordinators": json.dumps(other)}})["coordinators"]) == other


@pytest.mark.parametrize("text", ["go", "[1]", '"go"', "1", "{"])
@pytest.mark.parametrize("key", ["coordinators", "queue_to_coordinator"])
def test_what_is_no_mapping_is_left_for_airflow_to_refuse(key: str, text: str) -> None:
    assert sdk({"sdk": {key: text}})[key] == text


def test_another_setting_of_the_section_is_the_users() -> None:
    found = sdk({"sdk": {"default_coordinator": "{}"}})
    assert found["default_coordinator"] == "{}"
    assert json.loads(found["coordinators"]) == OURS


def test_what_is_decided_by_the_age_of_a_heartbeat_is_decided_by_the_same_age_everywhere() -> None:
    found = written()["scheduler"]
    assert int(found["scheduler_health_check_threshold"]) == heartbeat_trigger.YOUNG_SECONDS
    assert int(written()["api_auth"]["jwt_leeway"]) == clock_skew.MAY_DIFFER_SECONDS > heartbeat_trigger.YOUNG_SECONDS


@pytest.mark.parametrize(("airflow", "seconds"), [({}, 4200), ({"execution_api": {"jwt_expiration_time": "600"}}, 600)])
def test_the_life_of_a_token_is_computed_unless_the_fleet_says_it(
    airflow: dict[str, dict[str, str]], seconds: int
) -> None:
    assert written(airflow).getint("execution_api", "jwt_expiration_time") == seconds


USERS = {"core": {"simple_auth_manager_users": "bob:viewer, eve:op:red|blue"}}


def test_users_of_fleet_yaml_stand_beside_the_fleets_own() -> None:
    assert written(USERS)["core"]["simple_auth_manager_users"] == "admin:admin,bob:viewer,eve:op:red|blue"
    listed = {"core": {"simple_auth_manager_users": "admin:admin,bob:user"}}
    assert written(listed)["core"]["simple_auth_manager_users"] == "admin:admin,bob:user"


def test_each_user_has_a_password_that_stays_and_that_airflow_need_not_make() -> None:
    made = context(USERS)
    found = json.loads(airflow_settings.passwords(made))
    assert found == json.loads(airflow_settings.passwords(made))
    assert found["admin"] == made.secrets.user_password
    assert sorted(found) == ["admin", "bob", "eve"]
    assert len({found["bob"], found["eve"], found["admin"]}) == 3
    assert min(map(len, found.values())) >= 24
    other = replace(made, secrets=secrets.generate())
    assert json.loads(airflow_settings.passwords(other))["bob"] != found["bob"]


def test_a_user_who_is_no_longer_listed_has_no_password() -> None:
    assert list(json.loads(airflow_settings.passwords(context()))) == ["admin"]


def test_secrets_that_no_task_needs_stand_in_no_file_and_reach_the_components_with_a_database() -> None:
    settings = {
        "core": {"fernet_key": "their-key"},
        "fab": {"client_secret": "hush"},
        "smtp": {"thing": "hush-too"},
        "keycloak_auth_manager": {"client_secret": "hush-as-well"},
    }
    made = context(settings, secret_settings=frozenset(f"{s}.{key}" for s, keys in settings.items() for key in keys))
    text = airflow_settings.configuration(made)
    assert "their-key" not in text
    assert "hush-too" in text  # tasks send mail
    assert "hush-as-well" not in text
    for kind in ("scheduler", "api-server", "dag-processor", "triggerer", "migrate", "objects"):
        told = {setting[:2]: setting[2] for setting in airflow.settings(made, kind)}
        assert told["fab", "client_secret"] == "hush"
        assert told["keycloak_auth_manager", "client_secret"] == "hush-as-well"
        assert told["core", "fernet_key"] == f"their-key,{made.secrets.fernet_key}"
    for kind in ("worker", "log-server", "flower"):
        assert not any("hush" in setting[2] or "their-key" in setting[2] for setting in airflow.settings(made, kind))


def test_what_airfleet_needs_of_celery_stays_beside_what_fleet_yaml_adds() -> None:
    found = json.loads(
        written({"celery": {"extra_celery_config": '{"broker_heartbeat": 60}'}})["celery"]["extra_celery_config"]
    )
    assert found["broker_heartbeat"] == 60
    assert found["broker_channel_error_retry"] is True
