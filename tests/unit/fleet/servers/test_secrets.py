"""Keys that are made of others, for who must know one and not the other."""

from __future__ import annotations

from dataclasses import replace

from airfleet.fleet.servers import secrets

ALL = secrets.generate()


def test_a_host_that_only_works_has_a_key_for_fingerprints_too() -> None:
    works = replace(ALL, jwt_secret="")
    assert ALL.fingerprint_key == ALL.jwt_secret
    assert len({works.fingerprint_key, works.peers_key, works.logs_key, works.component_logs_key, ""}) == 5
