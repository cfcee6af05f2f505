"""A URL with several servers means the same to PostgreSQL's library, to SQLAlchemy, and to both after a translation."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from airfleet.fleet.servers import databases

SEVERAL = "postgresql://me:wo%2Frd@one:5433,two,[fd00::1]:5434/shop?target_session_attrs=read-write&sslmode=require"


def by_sqlalchemy(url: str) -> dict[str, Any]:
    """What SQLAlchemy hands to psycopg."""
    given, options = PGDialect_psycopg().create_connect_args(make_url(url))
    assert not given
    return {name: str(value) for name, value in options.items() if name != "context"}


def by_libpq(url: str) -> dict[str, Any]:
    return {name: str(value) for name, value in conninfo_to_dict(url).items()}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            SEVERAL,
            {
                "host": "one,two,fd00::1",
                "port": "5433,5432,5434",
                "user": "me",
                "password": "wo/rd",
                "dbname": "shop",
                "target_session_attrs": "read-write",
                "sslmode": "require",
            },
        ),
        ("postgres://one,two/shop", {"host": "one,two", "port": "5432,5432", "dbname": "shop"}),
        ("postgresql+psycopg://one,two?dbname=shop", {"host": "one,two", "port": "5432,5432", "dbname": "shop"}),
        (
            "postgresql://me@one:5433/shop?sslmode=require",
            {"host": "one", "port": "5433", "user": "me", "dbname": "shop", "sslmode": "require"},
        ),
    ],
)
def test_both_are_told_the_same_servers(url: str, expected: dict[str, str]) -> None:
    translated = databases.for_sqlalchemy(url)
    assert by_sqlalchemy(translated) == expected
    assert by_libpq(translated.replace("+psycopg", "", 1)) == expected


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        (SEVERAL, ("one", "two", "[fd00::1]")),
        ("postgresql:///shop", ("",)),
        ("postgresql://%2Frun%2Fpostgresql/shop", ("/run/postgresql",)),
        ("postgresql:///shop?host=localhost", ("localhost",)),
        ("postgresql://one/shop?hostaddr=127.0.0.1", ("127.0.0.1",)),
        ("postgresql://?service=shop", ()),
    ],
)
def test_which_servers_are_asked(url: str, hosts: tuple[str, ...]) -> None:
    assert databases.hosts(url) == hosts


def test_the_options_are_those_of_postgresql_s_own_library() -> None:
    assert {option.keyword.decode() for option in Conninfo.get_defaults()} <= databases.OPTIONS


@pytest.mark.parametrize("password", ["s3cr%t", "s3cret%", "s3%00cret", "s3 cret", "s3cret\n", "pre@s3cret"])
def test_what_postgresql_s_library_would_repeat_with_a_password_is_refused(password: str) -> None:
    wrong = databases.wrong_with(f"postgresql://me:{password}@db/airflow")
    assert wrong
    assert "s3" not in wrong


def test_a_password_may_have_what_a_url_says_in_its_own_way() -> None:
    url = "postgresql://me:s3%25c%20r%40e:t%2F+@db/airflow?application_name=a%20b"
    assert databases.wrong_with(url) is None
    assert by_libpq(url)["password"] == "s3%c r@e:t/+"


def test_a_single_server_keeps_its_url() -> None:
    url = "://me@one:5433/shop?sslmode=require"
    assert databases.for_sqlalchemy(f"postgres{url}") == f"postgresql+psycopg{url}"
    assert databases.for_sqlalchemy("postgresql://?service=airflow") == "postgresql+psycopg://?service=airflow"
