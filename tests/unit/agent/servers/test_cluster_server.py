"""The server of a cluster for some work: its end, and its refusal to begin."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.agent.servers import cluster_server, embedded_servers, server_programs, wheel_programs
from airfleet.agent.servers.cluster_server import Cluster, Place
from airfleet.errors import FleetError
from airfleet.fleet.components import postgres
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.servers.own_servers import Origin, ServerProgram
from airfleet.system import process_tree


def test_a_server_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "PG_VERSION").write_text("18\n")
    (tmp_path / "cluster" / "pg_hba.conf").touch()
    program = tmp_path / "postgres"
    program.write_text("#!/bin/sh\necho 'FATAL:  no room on the disk' >&2\nexit 1\n")
    program.chmod(0o755)
    told = ServerProgram("PostgreSQL", (18, 4), Origin.MACHINE, program)
    place = Place(Paths(tmp_path, tmp_path / "run"), None, "secret")
    with (
        pytest.raises(FleetError) as refused,
        cluster_server.serving(Cluster(tmp_path, told, tmp_path), {}, place),
    ):
        pytest.fail("it is served")
    assert refused.value.sentence == (
        f"PostgreSQL 18.4 of this machine ({program}) does not serve the cluster in {tmp_path}: "
        "FATAL:  no room on the disk"
    )
    assert refused.value.hint == f"its log is {tmp_path}/logs/database-upgrade.log"


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    """The places of a fleet, whose data root has elsewhere."""
    yield Paths(tmp_path, tmp_path / "run")
    shutil.rmtree(embedded_servers.SYSTEM_STATE / fleet_id(tmp_path), ignore_errors=True)


def test_a_server_has_the_mark_of_its_fleet_and_ends_with_the_block_whatever_happens_in_it(paths: Paths) -> None:
    found = embedded_servers.prepare(paths, euid=os.geteuid(), broker=None)
    (program, *_) = server_programs.programs(wheel_programs.postgres())
    assert found.postgres == embedded_servers.told(program)
    cluster = Cluster(found.postgres_data, found.postgres, found.postgres_bin)  # type: ignore[arg-type]
    place = Place(paths, found.user, "secret")
    with (
        pytest.raises(ZeroDivisionError),
        cluster_server.serving(cluster, postgres.settings(found.postgres), place) as port,
    ):
        with cluster_server.connect(port, place) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert process_tree.find(fleet_id(paths.home))
        raise ZeroDivisionError
    assert process_tree.find(fleet_id(paths.home)) == ()
