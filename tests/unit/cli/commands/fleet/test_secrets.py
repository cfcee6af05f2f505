"""``airfleet secrets``, and what a damaged file of a fleet's own is to any command: a sentence with its name."""

from __future__ import annotations

import json
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from airfleet.cli.main import at_the_edge, cli
from airfleet.client.project import Project
from airfleet.fleet.servers import secrets
from support.command_line import Airfleet

HOSTS = """\
name: shop
database: postgresql://db.internal/airflow
broker: redis://queue.internal/0
hosts:
  - {name: one, address: 10.0.0.1, scheduler: 1, api_server: 1, dag_processor: 1, workers: [{}]}
  - {name: two, address: 10.0.0.2, workers: [{}]}
witness: 10.0.0.9:22
"""


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Airfleet:
    """Run ``airfleet`` and give the exit code and what it says, as at the edge of the process."""

    def run(*argv: object) -> tuple[int, str]:
        code = at_the_edge(lambda: cli.main([str(argument) for argument in argv], standalone_mode=False))
        return code, capsys.readouterr().err

    return run  # type: ignore[return-value]


def test_secrets_go_from_one_host_to_another(project: Project, airfleet: Airfleet, tmp_path: Path) -> None:
    project.fleet_file.write_text(HOSTS)
    file = tmp_path / "two.secrets"
    assert airfleet("secrets", "export", "--host", "two", "-o", file).code == 0
    project.paths.secrets.unlink()
    assert airfleet("secrets", "import", file).code == 0
    assert project.paths.secrets.read_text() == file.read_text()


def test_a_file_that_is_no_text_is_not_taken(project: Project, say: Airfleet, tmp_path: Path) -> None:
    file = tmp_path / "picture"
    file.write_bytes(b"\xff\xfe\0")
    file.chmod(0o600)
    assert say("secrets", "import", file) == (
        1,
        f"error: {file} is not for here: it was not written by 'airfleet secrets export'\n"
        "hint: airfleet secrets export --host NAME\n",
    )


def test_a_place_that_cannot_be_written_is_named(project: Project, say: Airfleet, tmp_path: Path) -> None:
    project.fleet_file.write_text(HOSTS)
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "folder" / "two.secrets"
    assert say("secrets", "export", "--host", "two", "-o", place) == (
        1, f"error: {place} cannot be written: Not a directory\nhint: -o names another place\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "hint"), [("ports.json", "delete it"), ("secrets.json", "bring it back from a backup")]
)
def test_a_damaged_file_of_the_fleet_is_named(name: str, hint: str, project: Project, say: Airfleet) -> None:
    file = project.paths.home / name
    file.parent.mkdir(parents=True)
    file.write_text('{"api_server": 80')
    code, said = say("plan")  # type: ignore[misc]
    assert code == 1
    assert said.startswith(f"error: {file} is damaged: it is not what airfleet has written there\nhint: {hint}")


def kept(project: Project) -> dict[str, str]:
    found: dict[str, str] = json.loads(project.paths.secrets.read_text())
    return found


@pytest.mark.parametrize("name", ["jwt_secret", "user_password", "peers_key"])
def test_one_secret_is_replaced_and_no_other_one(project: Project, airfleet: Airfleet, name: str) -> None:
    before = asdict(secrets.load_or_generate(project.paths.secrets))
    done = airfleet("secrets", "rotate", name)
    assert (done.code, done.out) == (0, f"new: {name}; the next 'airfleet up' uses it\n")
    after = kept(project)
    assert {each for each in before if before[each] != after[each]} == {name}
    assert len(after[name]) >= 24
    assert stat.S_IMODE(project.paths.secrets.stat().st_mode) == 0o600
    assert not any(value in done.out + done.err for value in after.values())


def test_all_secrets_are_replaced_that_a_start_makes_known(project: Project, airfleet: Airfleet) -> None:
    before = asdict(secrets.load_or_generate(project.paths.secrets))
    assert airfleet("secrets", "rotate", "all").code == 0
    after = kept(project)
    assert {name for name in before if before[name] == after[name]} == {"fernet_key", "postgres_password"}


def test_other_hosts_that_need_a_new_secret_are_named(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(HOSTS)
    secrets.load_or_generate(project.paths.secrets)
    said = "end the fleet on two, and carry it there: airfleet secrets export --host NAME\n"
    assert airfleet("secrets", "rotate", "peers_key").err == said
    assert airfleet("secrets", "rotate", "jwt_secret").err == ""


def test_what_cannot_be_rotated_is_said(project: Project, say: Airfleet, tmp_path: Path) -> None:
    path = project.paths.secrets
    assert say("secrets", "rotate", "jwt_secret") == (
        1, f"error: there is no {path} yet\nhint: the first 'airfleet up' makes all secrets\n"
    )  # fmt: skip
    project.fleet_file.write_text(HOSTS)
    made = secrets.load_or_generate(path)
    path.write_text(secrets.parcel(made, ["peers_key"], "shop", "two"))
    assert say("secrets", "rotate", "peers_key") == (
        1, f"error: {path} was carried here\nhint: do it on 'one', and carry the new ones\n"
    )  # fmt: skip
    assert say("secrets", "rotate", "fernet_key")[0] == 2


ONE_THAT_WORKS = """\
name: shop
database: postgresql://db.internal/airflow
broker: redis://queue.internal/0
hosts:
  - {name: front, address: 10.0.0.1, scheduler: true, api_server: true, dag_processor: true, triggerer: true}
  - {name: work-1, address: 10.0.0.2, workers: [{slots: 2}]}
witness: 10.0.0.9:22
"""


def test_it_is_carried_only_when_somebody_asks_for_it(project: Project, airfleet: Airfleet, tmp_path: Path) -> None:
    project.fleet_file.write_text(ONE_THAT_WORKS)
    made = secrets.generate()
    secrets.write_private(project.paths.secrets, json.dumps(asdict(made)))
    for words, password in (((), None), (("--with-password",), made.user_password)):
        file = tmp_path / "parcel"
        result = airfleet("secrets", "export", "--host", "work-1", *words, "-o", file)
        assert result.code == 0, result.err
        assert made.user_password not in result.out + result.err
        parcel = json.loads(file.read_text())
        assert parcel.get("user_password") == password
        assert parcel["peers_key"] == made.peers_key
        assert "jwt_secret" not in parcel
