"""Keys that are made of others, for who must know one and not the other."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from airfleet.fleet.servers import secrets

ALL = secrets.generate()


def test_a_host_that_only_works_has_a_key_for_fingerprints_too() -> None:
    works = replace(ALL, jwt_secret="")
    assert ALL.fingerprint_key == ALL.jwt_secret
    assert len({works.fingerprint_key, works.peers_key, works.logs_key, works.component_logs_key, ""}) == 5


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
