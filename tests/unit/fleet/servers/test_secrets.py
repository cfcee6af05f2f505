"""Secrets are made once, kept for their owner alone, and made of others where one must know one and not the other."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import count
from pathlib import Path

import pytest

from airfleet.errors import FleetError
from airfleet.fleet.servers import secrets

ALL = secrets.generate()


def test_a_host_that_only_works_has_a_key_for_fingerprints_too() -> None:
    works = replace(ALL, jwt_secret="")
    assert ALL.fingerprint_key == ALL.jwt_secret
    assert (
        len({works.fingerprint_key, works.peers_key, works.logs_key, works.component_logs_key, works.releases_key, ""})
        == 6
    )


def test_secrets_are_made_once_and_kept_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    before = os.umask(0)
    try:
        made = secrets.load_or_generate(file)
    finally:
        os.umask(before)
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert secrets.load_or_generate(file, lambda: pytest.fail("nothing is missing")) == made
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"fernet_key": 1}', b"\xff\xfe"])
@pytest.mark.parametrize("act", [secrets.load, secrets.load_or_generate, secrets.is_parcel])
def test_damaged_secrets_are_said_and_left_as_they_are(
    act: Callable[[Path], object], text: str | bytes, tmp_path: Path
) -> None:
    file, data = tmp_path / "secrets.json", text if isinstance(text, bytes) else text.encode()
    file.write_bytes(data)
    with pytest.raises(FleetError) as refused:
        act(file)
    assert refused.value.sentence == f"{file} is damaged: it is not what airfleet has written there"
    assert (refused.value.hint or "").startswith("bring it back from a backup, or from the host that has it")
    assert file.read_bytes() == data


def test_secrets_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").mkdir()
    with pytest.raises(FleetError) as refused:
        secrets.load(tmp_path / "secrets.json")
    assert refused.value.sentence == f"{tmp_path}/secrets.json cannot be read: Is a directory"


def test_every_secret_is_its_own_and_long() -> None:
    made = secrets.generate()
    values = [getattr(made, field.name) for field in fields(made)]
    assert len(set(values)) == len(values) == 10
    assert all(len(value) >= 24 for value in values)
    assert secrets.generate() != made


def test_secrets_come_from_the_random_bytes_alone() -> None:
    numbers = count()
    made = secrets.generate(lambda size: next(numbers).to_bytes(1, "big") * size)
    numbers = count()
    assert secrets.generate(lambda size: next(numbers).to_bytes(1, "big") * size) == made


def test_no_representation_shows_a_secret() -> None:
    made = secrets.generate()
    assert repr(made) == str(made) == "Secrets()"


def test_a_private_file_is_replaced_at_once_and_never_wider_than_asked(tmp_path: Path) -> None:
    file = tmp_path / "new" / "airflow.cfg"
    secrets.write_private(file, "one")
    file.chmod(0o644)
    secrets.write_private(file, "two")
    assert file.read_text() == "two"
    assert oct(file.stat().st_mode & 0o777) == "0o600"


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


def test_a_fingerprint_tells_equal_from_different_and_shows_nothing() -> None:
    kept = secrets.generate()
    other = dataclasses.replace(kept, jwt_secret="another")
    mine, theirs = secrets.fingerprints(kept), secrets.fingerprints(other)
    assert {name for name in mine if mine[name] != theirs[name]} == {"jwt_secret"}
    assert len(mine) == len(dataclasses.fields(kept))
    assert not any(value in str(mine) for value in dataclasses.astuple(kept))


def test_a_fingerprint_depends_on_the_key_that_all_agents_share() -> None:
    kept = secrets.generate()
    moved = secrets.fingerprints(dataclasses.replace(kept, peers_key="another"))
    assert not set(moved.values()) & set(secrets.fingerprints(kept).values())


def test_a_secret_that_a_host_was_not_given_has_no_fingerprint() -> None:
    assert "fernet_key" not in secrets.fingerprints(dataclasses.replace(secrets.generate(), fernet_key=""))
