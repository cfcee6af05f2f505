"""Secrets and variables from elsewhere: read where they are, never repeated, and hidden where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.errors import FileProblems
from airfleet.fleet.config import reader
from support.fleet_files import problems_of, read


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "db").write_text("s3cret\n")
    (folder / "db").chmod(0o600)
    return folder


def test_a_secret_is_the_text_of_a_file_without_the_end_of_its_line(tmp_path: Path, secrets: Path) -> None:
    fleet = read("database: 'postgresql://a:${{ secrets.db }}@db/a'\n", tmp_path)
    assert fleet.database == "postgresql://a:s3cret@db/a"


def test_the_folder_of_secrets_may_be_elsewhere(tmp_path: Path, secrets: Path) -> None:
    secrets.rename(tmp_path / "elsewhere")
    for folder in ("elsewhere", tmp_path / "elsewhere"):
        assert read(f"secrets: {folder}\nvars: {{a: '${{{{ secrets.db }}}}'}}\n", tmp_path).vars == {"a": "s3cret"}


def test_a_secret_that_is_not_there(tmp_path: Path) -> None:
    assert problems_of("user: ${{ secrets.db }}\n", tmp_path) == [
        f"fleet.yaml:1:7: user: there is no secret 'db': no file {tmp_path}/secrets/db"
    ]


def test_a_secret_that_everybody_can_read_is_refused(tmp_path: Path, secrets: Path) -> None:
    (secrets / "db").chmod(0o644)
    assert problems_of("user: ${{ secrets.db }}\n", tmp_path) == [
        f"fleet.yaml:1:7: user: everybody on this machine can read the secret {secrets}/db\n"
        f"hint: chmod 600 {secrets}/db"
    ]


def test_a_secret_that_is_no_file(tmp_path: Path, secrets: Path) -> None:
    (secrets / "folder").mkdir(mode=0o700)
    (problem,) = problems_of("user: ${{ secrets.folder }}\n", tmp_path)
    assert problem.startswith("fleet.yaml:1:7: user: the secret 'folder' cannot be read: ")


def test_a_fleet_without_its_secrets_can_still_be_looked_at(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text(
        "user: ${{ secrets.user }}\ndatabase: postgresql://a:${{ secrets.db }}@db/a\nbroker: ${{ env.BROKER }}\n"
        "api_server: {address: '${{ env.ADDRESS }}'}\n"
    )
    with pytest.raises(FileProblems, match="there is no secret 'db'"):
        reader.read_file(tmp_path / "fleet.yaml", {})
    fleet = reader.read_file(tmp_path / "fleet.yaml", {}, lenient=True)
    assert (fleet.user, fleet.database, fleet.broker) == ("***", "postgresql://a:***@db/a", "***")


def test_what_is_wrong_in_a_file_is_wrong_without_its_secrets_too(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text("user: ${{ job.x }}\nnmae: a\n")
    with pytest.raises(FileProblems) as refused:
        reader.read_file(tmp_path / "fleet.yaml", {}, lenient=True)
    assert [problem.path for problem in refused.value.problems] == ["user", "nmae"]


@pytest.mark.parametrize(
    "text",
    [
        "witness: '${{ env.X }}:22'",
        "witness: ${{ env.X }}",
        "proxy: {name: shop, airflow: '${{ env.X }}'}\nflower: true",
        "proxy: {name: shop, flower: '/a/${{ env.X }}'}\nflower: true",
        "pipelines: ${{ env.X }}",
        "flower: {on: '${{ env.X }}'}",
        "proxy: {name: shop, on: ['${{ env.X }}']}",
        "proxy: {name: shop, on: '${{ env.X }}'}",
        "database: postgresql://db:${{ env.X }}/airflow",
        "broker: redis://queue:${{ env.X }}/0",
        "broker: redis://queue/${{ env.X }}",
        "connections: {c: '${{ env.X }}/x'}",
    ],
)
def test_what_comes_from_elsewhere_is_no_problem_where_it_is_not(text: str, tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text(text)
    with pytest.raises(FileProblems) as refused:
        reader.read_file(tmp_path / "fleet.yaml", {})
    assert {problem.sentence for problem in refused.value.problems} == {"the environment has no variable X"}
    reader.read_file(tmp_path / "fleet.yaml", {}, lenient=True)


def test_a_url_with_a_port_from_elsewhere_is_not_known_where_that_is_not(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text("database: postgresql://db:${{ env.X }}/a\nbroker: redis://q:${{ env.X }}/0\n")
    fleet = reader.read_file(tmp_path / "fleet.yaml", {}, lenient=True)
    assert (fleet.database, fleet.broker) == ("***", "***")
    (tmp_path / "fleet.yaml").write_text("database: postgresql://${{ env.X }}:port/a\n")  # which X may be does not help
    with pytest.raises(FileProblems, match="has a port that is not a number from 1 to 65535"):
        reader.read_file(tmp_path / "fleet.yaml", {}, lenient=True)


HOW = (
    "hint: what a reference stands for is taken as it is: percent-encode '/', '?', '#', '@', ':', '%', '&', ';', ',' "
    "and spaces in it, '/' as %2F"
)
UNKNOWN = "has options that are not known; known: master, sentinel_password, tls, ca, cert, key"
SCHEMES = (
    "must be a URL that begins with one of redis://, rediss://, valkey://, valkeys://, sentinel://, amqp://, amqps://"
)


@pytest.mark.parametrize(
    ("text", "password", "sentence"),
    [
        ("broker: redis://:${{ env.PW }}@h/0", "hunter?2secret", UNKNOWN),
        ("broker: redis://:${{ env.PW }}@h/0", "hunter;2secret", SCHEMES),
        ("broker: sentinel://a?master=m&sentinel_password=${{ env.PW }}", "hunter&2secret", UNKNOWN),
        (
            "database: postgresql://u:${{ env.PW }}@h/x",
            "hunter/2secret",
            "has an '@' behind the '/' that ends its server",
        ),
        ("database: postgresql://u:${{ env.PW }}@h/x", "hunter#2secret", "has a '#', which ends a URL"),
        ("database: postgresql://u:${{ env.PW }}@h/x", "12?2secret", "has an option that is not NAME=VALUE"),
        (
            "database: postgresql://u@h/x?sslpassword=${{ env.PW }}",
            "hunter&2secret=",
            "has options that PostgreSQL does not know",
        ),
        ("database: postgresql://u:${{ env.PW }}@h/x", "s3cr%t", "has a '%' that begins no percent-encoding"),
        ("database: postgresql://u:${{ env.PW }}@h/x", "s3%00", "has a '%' that begins no percent-encoding"),
        ("database: postgresql://u:${{ env.PW }}@h/x", "s3 cret", "has a space, a tab or the end of a line"),
        ("database: postgresql://u:${{ env.PW }}@h/x", "pre@s3cret", "has more than one '@' before its server"),
    ],
)
def test_a_password_that_ends_too_early_is_not_repeated(text: str, password: str, sentence: str) -> None:
    _, problems = reader.read(text, "fleet.yaml", {"PW": password}, Path("/srv/shop"))
    key = text.partition(":")[0]
    assert [str(problem) for problem in problems] == [f"fleet.yaml:1:{len(key) + 3}: {key}: {sentence}\n{HOW}"]


def test_a_broker_from_elsewhere_is_not_repeated_either() -> None:
    _, problems = reader.read("broker: ${{ env.B }}", "fleet.yaml", {"B": "redis://h/0?hush=1"}, Path("/srv/shop"))
    assert [str(problem) for problem in problems] == [f"fleet.yaml:1:9: broker: {UNKNOWN}"]
