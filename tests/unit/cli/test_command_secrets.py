"""``airfleet secrets``, and what a damaged file of a fleet's own is to any command: a sentence with its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.cli.main import at_the_edge, cli
from airfleet.cli.project import Project
from conftest import Airfleet

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
