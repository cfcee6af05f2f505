"""Facts about secrets."""

from __future__ import annotations

import pytest

from airfleet.doctor.facts import Password
from airfleet.doctor.gathering import secret_facts
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.servers import secrets

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
