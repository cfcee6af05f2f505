"""Rules by which the embedded PostgreSQL lets networks in."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from airfleet.agent.servers import embedded_postgres

INITDB = "host    all             all             127.0.0.1/32            scram-sha-256\n"


def test_a_network_is_let_in_once_for_its_role_and_no_longer_than_it_is_named(tmp_path: Path) -> None:
    rules = tmp_path / "pg_hba.conf"
    rules.write_text(f"{INITDB}host all all 198.18.9.0/24 scram-sha-256\n")  # as an older airfleet let it in
    rules.chmod(0o600)
    for networks in (["198.18.37.0/24", "198.18.38.0/24"], ["198.18.37.0/24"], ["198.18.37.0/24"]):
        embedded_postgres.let_in(rules, [f"{network} airflow" for network in networks])
        allowed = [line for line in rules.read_text().splitlines()[1:] if not line.startswith("#")]
        assert allowed == [f"host all airflow {network} scram-sha-256" for network in networks]
    with rules.open("a") as file:
        file.write("host shop me 10.0.0.0/8 scram-sha-256\n")
    embedded_postgres.let_in(rules, [])
    assert rules.read_text() == f"{INITDB}host shop me 10.0.0.0/8 scram-sha-256\n"
    assert stat.S_IMODE(rules.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [rules]


def test_no_link_is_followed_where_the_rules_should_be(tmp_path: Path) -> None:
    (tmp_path / "shadow").write_text("nobody's business\n")
    (tmp_path / "pg_hba.conf").symlink_to(tmp_path / "shadow")
    with pytest.raises(OSError, match="symbolic links"):
        embedded_postgres.let_in(tmp_path / "pg_hba.conf", ["198.18.37.0/24 airflow"])
    assert (tmp_path / "shadow").read_text() == "nobody's business\n"
