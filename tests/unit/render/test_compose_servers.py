"""Database and broker of a compose project: from URLs to services."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from airfleet.errors import FleetError
from airfleet.render.compose_servers import Server, broker, database


def test_a_postgresql() -> None:
    made = database("postgresql://me:${{ secrets.word }}@db:5432/flow?sslmode=disable").service("fleet", None)
    assert made["environment"] == {
        "POSTGRES_USER": "me",
        "POSTGRES_DB": "flow",
        "POSTGRES_PASSWORD_FILE": "/run/secrets/word",
    }
    assert made["secrets"] == ["word"]
    assert made["networks"] == {"fleet": None}
    assert database("postgresql://me:${{secrets.word}}@db/flow").service("fleet", "10.0.0.9")["networks"] == {
        "fleet": {"ipv4_address": "10.0.0.9"}
    }


def script(server: Server, folder: Path, password: str, programs: dict[str, str]) -> str:
    """Run a server's script as compose would, with other programs; what it says."""
    (folder / server.secret).write_text(password)
    (folder / "conf.d").mkdir()
    words = server.command[-1].replace("$$", "$").replace("/run/secrets", str(folder))
    words = words.replace("/etc/rabbitmq/conf.d", str(folder / "conf.d"))
    for name, body in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    done = subprocess.run(
        [*server.command[:-1], words],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout


def test_a_valkey_reads_its_password_where_nobody_sees_it(tmp_path: Path) -> None:
    made = broker("redis://:${{ secrets.word }}@queue/0")
    said = script(made, tmp_path, 'a"b\\c d$HOME\n', {"docker-entrypoint.sh": 'echo "$@"; cat'})
    assert said.splitlines() == [
        "valkey-server -",
        r'requirepass "a\"b\\c d$HOME"',
        "appendonly yes",
        "dir /data",
    ]


def test_a_rabbitmq_reads_its_password_from_a_file(tmp_path: Path) -> None:
    made = broker("amqp://me:${{ secrets.word }}@queue/shop")
    said = script(made, tmp_path, "s3cret\n", {"docker-entrypoint.sh": 'echo "$@"', "chown": ":"})
    assert said == "rabbitmq-server\n"
    file = tmp_path / "conf.d" / "20-airfleet.conf"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("default_pass = s3cret\n", 0o600)
    assert made.environment == {"RABBITMQ_DEFAULT_USER": "me", "RABBITMQ_DEFAULT_VHOST": "shop"}


@pytest.mark.parametrize(
    ("make", "url", "sentence"),
    [
        (database, "embedded", "no service can be made of 'database'"),
        (database, "postgresql://me:word@db/flow", "no service can be made of 'database'"),
        (database, "postgresql://me:${{ env.WORD }}@db/flow", "no service can be made of 'database'"),
        (database, "postgresql://me:${{ secrets.w }}@db.example.com/flow", "no service can be made of 'database'"),
        (database, "postgresql://me:${{ secrets.w }}@one,two/flow", "no service can be made of 'database'"),
        (database, "postgresql://me:${{ secrets.w }}@db:5433/flow", "a service listens at 5432"),
        (broker, "embedded", "no service can be made of 'broker'"),
        (broker, "rediss://:${{ secrets.w }}@queue/0", "no service can be made of 'broker'"),
        (broker, "redis://me:${{ secrets.w }}@queue/0", "has no user 'me'"),
    ],
)
def test_a_url_that_is_no_service(make: object, url: str, sentence: str) -> None:
    with pytest.raises(FleetError, match=sentence):
        make(url)  # type: ignore[operator]
