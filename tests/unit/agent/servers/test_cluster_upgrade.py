"""Plans of upgrades: made, or refused before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from airfleet.agent.servers import cluster_upgrade, machine_programs, wheel_programs
from airfleet.errors import FleetError
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.servers.own_servers import Origin, ServerChoice

GB = 2**30
TOOLS = ("postgres", "initdb", "pg_dumpall", "pg_dump", "psql")
OWN = ServerChoice(Origin.MACHINE)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_programs, "POSTGRES_FOLDERS", (f"{tmp_path}/lib/*/bin",))
    monkeypatch.setattr(wheel_programs, "every_postgres", lambda: ())


def installed(tmp_path: Path, version: str, names: tuple[str, ...] = TOOLS) -> Path:
    folder = tmp_path / "lib" / version.partition(".")[0] / "bin"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


def planned(
    tmp_path: Path, major: int | None, free: int = GB, record: Mapping[str, str] | None = None
) -> cluster_upgrade.Upgrade | None:
    data = tmp_path / "postgres"
    if major is not None:
        (data / "cluster").mkdir(parents=True)
        (data / "cluster" / "PG_VERSION").write_text(f"{major}\n")
        (data / "cluster" / "base").write_bytes(b"x" * 4096)
    return cluster_upgrade.plan(data, record or {}, OWN, {"PATH": ""}, free)


def test_the_newest_of_the_machine_is_the_aim_and_tools_are_those_of_the_newer(tmp_path: Path) -> None:
    for version in ("15.18", "16.2", "17.1"):
        installed(tmp_path, version)
    found = planned(tmp_path, 15)
    assert found is not None
    assert (found.before.version, found.after.version) == ((15, 18), (17, 1))
    assert found.tools == found.after.path.parent
    assert found.needed > 2 * found.size > 0


def test_a_cluster_of_that_version_needs_none(tmp_path: Path) -> None:
    installed(tmp_path, "15.18")
    assert planned(tmp_path, 15) is None


def test_no_room_is_said_before_anything_is_written(tmp_path: Path) -> None:
    installed(tmp_path, "15.18")
    installed(tmp_path, "17.1")
    with pytest.raises(FleetError) as refused:
        planned(tmp_path, 15, free=10 * 2**20)
    assert refused.value.sentence == (
        f"the upgrade needs up to 301 MB beside {tmp_path}/postgres, and 10 MB are free (the database has 1 MB)"
    )
    assert [file.name for file in (tmp_path / "postgres").iterdir()] == ["cluster"]


def test_the_program_of_the_data_has_to_be_there_too(tmp_path: Path) -> None:
    installed(tmp_path, "17.1")
    with pytest.raises(FleetError) as refused:
        planned(tmp_path, 15)
    assert refused.value.sentence == (
        f"the data in {tmp_path}/postgres were written by PostgreSQL 15, and there is no PostgreSQL 15 here that could "
        "read them"
    )
    assert str(refused.value.hint).startswith("install PostgreSQL 15 ('apt-get install postgresql-15' on Debian)")


def test_the_recorded_program_serves_the_data_wherever_it_is(tmp_path: Path) -> None:
    elsewhere = installed(tmp_path, "15.18").parent.rename(tmp_path / "elsewhere") / "bin" / "postgres"
    installed(tmp_path, "17.1")
    found = planned(tmp_path, 15, record={"postgres": f"postgres 15.18 {elsewhere}"})
    assert found is not None
    assert found.before.path == elsewhere


def test_missing_tools_of_the_newer_are_named(tmp_path: Path) -> None:
    installed(tmp_path, "15.18")
    folder = installed(tmp_path, "17.1", ("postgres", "initdb", "psql"))
    with pytest.raises(FleetError, match=f"{folder} lacks pg_dumpall, pg_dump, which copy a database"):
        planned(tmp_path, 15)


def test_without_a_cluster_there_is_nothing_to_upgrade(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match=r"there is no database in .* to upgrade"):
        planned(tmp_path, None)


def test_without_a_kept_cluster_there_is_no_way_back(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="no earlier cluster is kept in"):
        cluster_upgrade.undo(Paths(tmp_path, tmp_path), tmp_path / "postgres")
