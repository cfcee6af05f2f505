"""Facts about secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.doctor.facts import Exposed, Password
from airfleet.doctor.gathering import secret_facts
from airfleet.doctor.gathering.situation import Situation
from airfleet.errors import FleetError
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.servers import secrets
from airfleet.fleet.servers.secrets import Secrets

EVERYBODY = "is one that everybody tries first"


@pytest.mark.parametrize(
    ("fleet", "weak"),
    [
        (Fleet("shop", "/srv"), {}),
        (
            Fleet("shop", "/srv", database="postgresql://airflow:airflow@db/airflow"),
            {"the password of 'database' in fleet.yaml": "is the name of its user"},
        ),
        (
            Fleet("shop", "/srv", broker="amqp://mq/shop"),
            {"the password of 'broker' in fleet.yaml": EVERYBODY},
        ),
        (
            Fleet("shop", "/srv", broker="redis://:redis@queue/0"),
            {"the password of 'broker' in fleet.yaml": EVERYBODY},
        ),
        (Fleet("shop", "/srv", broker="redis://:k4Jd-93hsTqq@queue/0"), {}),
        (
            Fleet("shop", "/srv", airflow={"core": {"fernet_key": "46BKJoQYlPPOexq0OhDZnIlNepKFf87WFwLbfzqDDho="}},
                  secret_settings=frozenset({"core.fernet_key"})),
            {"airflow.core.fernet_key in fleet.yaml": "is the key of a well-known Docker image"},
        ),
    ],
)  # fmt: skip
def test_well_known_passwords_are_found_by_their_place(fleet: Fleet, weak: dict[str, str]) -> None:
    found = secret_facts.passwords(fleet, secrets.generate())
    assert {one.place: one.weakness for one in found if one.weakness} == weak


def test_generated_secrets_are_all_looked_at() -> None:
    kept = secrets.generate()
    found = secret_facts.passwords(Fleet("shop", "/srv"), kept)
    assert Password("fernet_key in secrets.json") in found
    assert len(found) == len(kept.__dataclass_fields__)


def test_a_secret_in_a_process_is_found_by_its_name_and_not_repeated(
    situation: Situation, marked: Callable[..., int]
) -> None:
    kept = situation.secrets
    assert isinstance(kept, Secrets)
    quiet = marked("sleep", "60")
    shown = marked("sleep", "61", SHOP=f"redis://:{kept.broker_password}@queue/0")
    found = secret_facts.processes(situation)
    assert found.looked_at == 2
    assert found.found == (Exposed(shown, "sleep", "environment", "broker_password"),)
    assert kept.broker_password not in repr(found)
    assert quiet != shown


def test_no_process_is_no_fact(situation: Situation) -> None:
    with pytest.raises(FleetError, match="no process of the fleet runs here"):
        secret_facts.processes(situation)


def test_rights_of_the_files_and_folders_that_are_there_are_read(situation: Situation) -> None:
    plan = situation.plan
    assert isinstance(plan, Plan)
    situation.paths.logs.mkdir(mode=0o755)
    found = {Path(one.path): one for one in secret_facts.rights(situation, plan)}
    assert set(found) == {situation.paths.home, situation.paths.logs, situation.paths.secrets}
    logs, kept = found[situation.paths.logs], found[situation.paths.secrets]
    assert (logs.mode, logs.allowed, logs.is_folder) == (0o755, 0o700, True)
    assert (kept.mode, kept.allowed, kept.stranger) == (0o600, 0o600, "")


def test_tasks_of_another_user_may_pass_through_some_folders(situation: Situation) -> None:
    plan, fleet = situation.plan, situation.fleet
    assert isinstance(plan, Plan)
    assert isinstance(fleet, Fleet)
    situation.paths.releases.mkdir(mode=0o711)
    apart = replace(situation, fleet=replace(fleet, task_user="daemon"))
    for its, allowed in ((situation, 0o700), (apart, 0o711)):
        [one] = [one for one in secret_facts.rights(its, plan) if one.path == str(situation.paths.releases)]
        assert one.allowed == allowed
