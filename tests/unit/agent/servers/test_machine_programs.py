"""Servers of the machine: found on PATH and in folders of packages, or refused with what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from airfleet.agent.servers import machine_programs
from airfleet.errors import FleetError
from airfleet.fleet.servers import own_servers

Standing = Callable[..., Path]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without servers, but for those of a test: Debian's folders are below ``tmp_path``."""
    monkeypatch.setattr(machine_programs, "POSTGRES_FOLDERS", (f"{tmp_path}/lib/postgresql/*/bin",))
    monkeypatch.setattr(machine_programs, "BROKER_FOLDERS", ())
    monkeypatch.setattr(
        machine_programs.platform, "freedesktop_os_release", lambda: {"ID": "mint", "ID_LIKE": "debian"}
    )


@pytest.fixture
def installed(tmp_path: Path) -> Standing:
    """A PostgreSQL of a version, as a package of Debian puts it."""

    def made(version: str, *names: str, folder: Path | None = None) -> Path:
        place = folder or tmp_path / "lib" / "postgresql" / version.partition(".")[0] / "bin"
        place.mkdir(parents=True)
        for name in names or ("postgres", "initdb", "pg_ctl", "psql"):
            (place / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
            (place / name).chmod(0o755)
        return place

    return made


def path(*folders: Path) -> Mapping[str, str]:
    return {"PATH": ":".join(map(str, folders))}


def found(text: str = "system", environ: Mapping[str, str] | None = None) -> list[Path]:
    return [one.path.parent for one in machine_programs.postgres(own_servers.database(text), environ or path())]


def refusal(text: str = "system", environ: Mapping[str, str] | None = None) -> tuple[str, str | None]:
    with pytest.raises(FleetError) as refused:
        machine_programs.postgres(own_servers.database(text), environ or path())
    return refused.value.sentence, refused.value.hint


def test_the_one_on_path_comes_first_and_then_the_newest_of_packages(installed: Standing, tmp_path: Path) -> None:
    folders = {version: installed(version) for version in ("9.6", "13.1", "14.20", "15.18", "18.4")}
    own = installed("16.2", folder=tmp_path / "own")
    assert found(environ=path(own)) == [own, folders["18.4"], folders["15.18"], folders["14.20"]]
    assert found("system 15", path(own)) == [folders["15.18"]]
    assert found(f"system {folders['14.20']}") == [folders["14.20"]]
    assert found(f"system {folders['14.20'].parent}") == [folders["14.20"]]


def test_links_on_path_lead_to_the_folder_with_all_programs(installed: Standing, tmp_path: Path) -> None:
    real = installed("15.18")
    links = tmp_path / "links"
    links.mkdir()
    (links / "postgres").symlink_to(real / "postgres")
    assert found(environ=path(links)) == [real]


def test_a_machine_without_any_is_told_where_it_was_looked_for_and_what_installs_one(tmp_path: Path) -> None:
    assert refusal() == (
        "'database: system' asks for a PostgreSQL of this machine, and there is none on PATH, nor in "
        f"{tmp_path}/lib/postgresql/*/bin",
        "apt-get install postgresql; or 'database: embedded' takes the wheel's",
    )
    assert refusal("system 16")[1] == "apt-get install postgresql-16; or 'database: embedded' takes the wheel's"
    assert refusal("system /opt/pgsql") == (
        "'database: system /opt/pgsql' asks for a PostgreSQL of this machine, and /opt/pgsql lacks postgres and initdb",
        "name the folder with postgres and initdb",
    )


def test_too_old_ones_are_named(installed: Standing) -> None:
    folder = installed("13.11")
    assert refusal()[0] == f"airfleet needs PostgreSQL 14 or newer, and here is PostgreSQL 13.11 ({folder})"


def test_another_major_version_than_the_one_that_is_asked_for_is_named(installed: Standing) -> None:
    folder = installed("15.18")
    assert refusal("system 17")[0] == (
        f"'database: system 17' asks for a PostgreSQL 17 of this machine, and here is PostgreSQL 15.18 ({folder})"
    )


def test_an_installation_of_a_client_alone_is_incomplete(installed: Standing) -> None:
    folder = installed("15.18", "psql")
    assert refusal() == (
        f"'database: system' asks for a PostgreSQL of this machine, and {folder} lacks postgres and initdb",
        "apt-get install postgresql; or 'database: embedded' takes the wheel's",
    )


def test_a_server_without_initdb_is_incomplete(installed: Standing) -> None:
    folder = installed("16.2", "postgres", "pg_ctl")
    assert refusal("system 16")[0].endswith(f"and {folder} lacks initdb")


def test_a_server_that_does_not_run_is_named(installed: Standing) -> None:
    folder = installed("16.2")
    (folder / "postgres").write_text("#!/bin/sh\nexit 127\n")
    assert refusal() == (
        f"'database: system' asks for a PostgreSQL of this machine, and {folder}/postgres does not run",
        f"{folder}/postgres --version",
    )


def test_a_wrapper_of_psql_on_path_is_no_server(installed: Standing, tmp_path: Path) -> None:
    folder, wrapper = installed("15.18"), installed("15.18", "psql", folder=tmp_path / "bin")
    assert found(environ=path(wrapper)) == [folder]


# --- Redis and Valkey --------------------------------------------------------------------------------


@pytest.fixture
def brokers(tmp_path: Path) -> Path:
    """A folder with an old Valkey and a Redis."""
    folder = tmp_path / "brokers"
    folder.mkdir()
    for name, says in (
        ("redis-server", "Redis server v=7.0.15 sha=0"),
        ("valkey-server", "Valkey server v=8.0.1 sha=0"),
    ):
        (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_a_valkey_comes_before_a_redis_unless_one_is_named(brokers: Path) -> None:
    def chosen(text: str) -> list[str]:
        return [one.path.name for one in machine_programs.broker(own_servers.broker(text), path(brokers))]

    assert chosen("system") == ["valkey-server", "redis-server"]
    assert chosen("system redis") == ["redis-server"]
    assert chosen(f"system {brokers}/redis-server") == ["redis-server"]


def test_a_machine_without_a_broker_is_told_what_installs_one(brokers: Path) -> None:
    (brokers / "valkey-server").unlink()
    with pytest.raises(FleetError) as refused:
        machine_programs.broker(own_servers.broker("system valkey"), path(brokers))
    assert refused.value.sentence == (
        "'broker: system valkey' asks for a Valkey of this machine, and there is no valkey-server on PATH"
    )
    assert refused.value.hint == "apt-get install valkey; or 'broker: embedded' takes the wheel's"


def test_a_broker_that_is_too_old_is_named(brokers: Path) -> None:
    (brokers / "redis-server").write_text("#!/bin/sh\necho 'Redis server v=6.0.16 sha=0'\n")
    with pytest.raises(FleetError) as refused:
        machine_programs.broker(own_servers.broker("system redis"), path(brokers))
    assert refused.value.sentence == (
        f"airfleet needs Redis 6.2 or newer, and here is Redis 6.0.16 ({brokers}/redis-server)"
    )


@pytest.mark.parametrize(
    ("told", "command"),
    [
        ({"ID": "fedora"}, "dnf install postgresql-server"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "dnf install postgresql-server"),
        ({"ID": "alpine"}, "apk add postgresql"),
        ({"ID": "other"}, "install postgresql"),
    ],
)
def test_the_command_is_that_of_the_distribution(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], command: str
) -> None:
    monkeypatch.setattr(machine_programs.platform, "freedesktop_os_release", lambda: told)
    monkeypatch.setattr(machine_programs, "glibc", lambda: None)  # as musl: no wheel is another way
    assert refusal()[1] == command
