"""The choice of a server that the agent runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.fleet.servers import own_servers
from airfleet.fleet.servers.own_servers import Origin, ServerChoice, ServerProgram, WrongChoice


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("embedded", ServerChoice(Origin.WHEEL)),
        ("system", ServerChoice(Origin.MACHINE)),
        ("system 16", ServerChoice(Origin.MACHINE, major=16)),
        ("system /opt/my pgsql/bin", ServerChoice(Origin.MACHINE, place=Path("/opt/my pgsql/bin"))),
    ],
)
def test_a_database_is_the_wheels_or_the_machines(text: str, choice: ServerChoice) -> None:
    assert own_servers.database(text) == choice
    assert str(choice) == text


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("embedded", ServerChoice(Origin.WHEEL)),
        ("system", ServerChoice(Origin.MACHINE)),
        ("system valkey", ServerChoice(Origin.MACHINE, kind="valkey")),
        ("system /opt/redis-server", ServerChoice(Origin.MACHINE, place=Path("/opt/redis-server"))),
    ],
)
def test_a_broker_is_the_wheels_or_the_machines(text: str, choice: ServerChoice) -> None:
    assert own_servers.broker(text) == choice
    assert str(choice) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("system 13", "PostgreSQL 13 is too old"),
        ("system latest", "'latest' after 'system' is no major version and no folder"),
        ("system 16.2", "'16.2' after 'system' is no major version and no folder"),
        ("system bin", "'bin' after 'system' is no major version and no folder"),
    ],
)
def test_what_names_no_postgresql_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(WrongChoice) as wrong:
        own_servers.database(text)
    assert str(wrong.value) == sentence
    assert wrong.value.hint


def test_what_names_no_broker_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(WrongChoice) as wrong:
        own_servers.broker("system rediss")
    assert str(wrong.value) == "'rediss' after 'system' is neither 'redis' nor 'valkey', nor the path of a program"
    assert wrong.value.hint == "did you mean 'redis'?"


def test_a_program_says_its_version_its_origin_and_its_path() -> None:
    program = ServerProgram("PostgreSQL", (15, 18), Origin.MACHINE, Path("/usr/lib/postgresql/15/bin/postgres"))
    assert str(program) == "PostgreSQL 15.18 of this machine (/usr/lib/postgresql/15/bin/postgres)"
    assert str(ServerProgram("Valkey", (9, 1), Origin.WHEEL, Path("/x"))) == "Valkey 9.1 of the wheel (/x)"
