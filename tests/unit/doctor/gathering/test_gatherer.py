"""Versions of what is installed, and the fixes that a distribution has taken back."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from airfleet.doctor.facts import BrokerFacts
from airfleet.doctor.gathering import gatherer
from airfleet.fleet.config import reader
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.servers import own_servers


def fleet(broker: str, tmp_path: Path) -> Fleet:
    found, problems = reader.read(f"name: shop\nbroker: {broker}\n", "fleet.yaml", {}, tmp_path)
    assert found is not None, problems
    return found


@pytest.mark.parametrize(
    ("choice", "address", "is_looked_up"),
    [
        ("redis://127.0.0.1:6379/0", "127.0.0.1:6379", True),
        ("system redis", "127.0.0.1:6379", True),
        ("redis://queue:6379/0", "queue:6379", False),
        (own_servers.EMBEDDED, "127.0.0.1:6379", False),
    ],
)
def test_a_package_counts_for_a_broker_of_this_machine_that_is_of_no_wheel(
    tmp_path: Path, choice: str, address: str, is_looked_up: bool
) -> None:
    (tmp_path / "redis").mkdir()
    changelog = gzip.compress(b"redis (5:7.0.15-1) stable; urgency=high\n\n  * CVE-2025-49844: Prevent it.\n")
    (tmp_path / "redis" / "changelog.Debian.gz").write_bytes(changelog)
    broker = BrokerFacts(address, "redis", program="Redis", version="7.0.15")
    found = gatherer._installed(broker, fleet(choice, tmp_path), tmp_path)
    assert found.versions["redis"] == "7.0.15"
    assert found.fixed == ({"CVE-2025-49844"} if is_looked_up else set())
