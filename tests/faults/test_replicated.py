"""The two databases of an experiment: every commit is on both, and the one that is left can be had."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from faultlab.servers.replicated_postgres import ReplicatedServers

pytestmark = [pytest.mark.needs("root", "ip"), pytest.mark.long]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[ReplicatedServers]:
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    with ReplicatedServers(tmp_path / "servers") as started:
        yield started


def test_what_was_committed_is_on_the_standby_and_each_may_be_lost_in_turn(servers: ReplicatedServers) -> None:
    url = servers.database("shop")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE sold (number int)")
    for number in range(2):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("INSERT INTO sold VALUES (%s)", (number,))
        assert servers.primary == number + 1
        began = time.monotonic()
        servers.lose_primary()
        servers.promote()
        with psycopg.connect(url, autocommit=True, connect_timeout=3) as connection:
            found = connection.execute("SELECT number FROM sold ORDER BY number").fetchall()
        assert [row[0] for row in found] == list(range(number + 1))
        assert time.monotonic() - began < 15
        servers.add_standby()
        assert servers.has_standby
