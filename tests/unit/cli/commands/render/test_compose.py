"""``airfleet render compose``: paths, users and services out of a project folder."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from airfleet.cli.main import at_the_edge, cli
from airfleet.errors import FleetError
from airfleet.testing.fleet import command
from support import documents

GUIDE = documents.REPOSITORY / "docs/how-to/containers.md"

FLEET = """\
name: shop
database: postgresql://airflow:${{ secrets.database_password }}@postgres/airflow
broker: redis://:${{ secrets.broker_password }}@valkey:6379/0
hosts:
  - {name: control, address: control, scheduler: 1, api_server: 1, dag_processor: 1, triggerer: 1}
  - {name: work, address: work, workers: [{slots: 2}]}
policies: {on_partition: keep}
env: {TOKEN: "${{ env.API_TOKEN }}"}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yaml").write_text(FLEET)
    return tmp_path


def render(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["-C", str(project), "render", "compose", *arguments])


def document(project: Path, *arguments: str) -> dict[str, Any]:
    found = yaml.safe_load(render(project, *arguments).stdout)
    assert isinstance(found, dict)
    return found


def test_a_service_for_each_host_and_none_for_servers_elsewhere(project: Path) -> None:
    found = document(project)
    assert list(found["services"]) == ["control", "work"]
    assert found["secrets"]["database_password"] == {"file": "./secrets/database_password"}
    assert found["services"]["work"]["environment"]["API_TOKEN"] is None
    assert found["services"]["work"]["volumes"][0] == f".:/srv/{project.name}:ro"


def test_services_of_servers(project: Path) -> None:
    found = document(project, "--servers")
    assert list(found["services"]) == ["control", "work", "postgres", "valkey"]


def test_one_host_in_the_network_of_its_machine(project: Path) -> None:
    found = document(project, "--host", "work")
    assert list(found["services"]) == ["work"]
    assert found["services"]["work"]["network_mode"] == "host"


@pytest.mark.parametrize(
    ("output", "root", "secrets"),
    [(".", ".", "./secrets/"), ("deploy/prod", "../..", "../../secrets/")],
)
def test_paths_in_the_project_are_relative_to_the_file(
    output: str, root: str, secrets: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    assert render(project, "--output", output).exit_code == 0
    found = yaml.safe_load((project / output / "compose.yaml").read_text())
    assert found["services"]["work"]["volumes"][0] == f"{root}:/srv/{project.name}:ro"
    assert found["secrets"]["airfleet_work"] == {"file": f"{secrets}airfleet_work"}
    made = sorted(file.name for file in (project / output / "image").iterdir())
    assert made == ["Containerfile", "airfleet.lock", "entry.sh"]


def test_paths_elsewhere_are_absolute(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert render(project, "--output", str(elsewhere)).exit_code == 0
    found = yaml.safe_load((elsewhere / "compose.yaml").read_text())
    assert found["services"]["work"]["volumes"][0] == f"{project}:/srv/{project.name}:ro"


def test_who_runs_in_containers(project: Path) -> None:
    assert document(project)["services"]["work"]["user"] == f"{os.getuid()}:{os.getgid()}"
    assert document(project, "--user", "70")["services"]["work"]["user"] == "70:70"
    assert document(project, "--user", "70:80")["services"]["work"]["user"] == "70:80"


def test_the_secrets_that_have_to_be_exported_first_are_named(project: Path) -> None:
    (project / "secrets").mkdir()
    (project / "secrets" / "airfleet_control").touch()
    said = render(project, "--output", str(project)).stderr
    export = f"needs: airfleet secrets export --host work -o {project}/secrets/airfleet_work"
    assert export in said
    assert "--host control" not in said


def refusal(project: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    def run() -> object:
        return cli.main(["-C", str(project), "render", "compose", *arguments], standalone_mode=False)

    assert at_the_edge(run) == 1
    return capsys.readouterr().err


def test_what_no_project_can_have_is_explained(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "leave --host out" in refusal(project, capsys, "--servers", "--host", "work")
    assert "the fleet has no host 'wrk'" in refusal(project, capsys, "--host", "wrk")
    assert "--user me is not UID" in refusal(project, capsys, "--user", "me")
    (project / "fleet.yaml").write_text("name: shop\n")
    assert "hint: 'api_server: {address: 0.0.0.0}'" in refusal(project, capsys, "--servers")
    (project / "fleet.yaml").write_text("name: shop\napi_server: {address: 0.0.0.0}\n")
    said = refusal(project, capsys, "--servers")
    assert "no service can be made of 'database' in fleet.yaml\nhint: it can of one like 'database: postgres" in said


@pytest.mark.parametrize("kind", ["compose", "image"])
@pytest.mark.parametrize("line", ["database: system 16", "broker: system redis"])
def test_an_image_has_no_server_of_the_machine(tmp_path: Path, kind: str, line: str) -> None:
    (tmp_path / "fleet.yaml").write_text(f"name: shop\n{line}\n")
    with pytest.raises(FleetError, match=f"'{line}' is a program of the machine, and an image has"):
        CliRunner().invoke(cli, ["-C", str(tmp_path), "render", kind], catch_exceptions=False, standalone_mode=False)


def test_the_commands_of_the_guide_make_the_fleet_of_the_guide(tmp_path: Path) -> None:
    [fleet, *_] = (one for one in documents.blocks(GUIDE) if one.file == "fleet.yaml")
    project = tmp_path / "shop"
    (tmp_path / "bin").mkdir()
    project.mkdir()
    (project / "fleet.yaml").write_text(fleet.text)
    for name, text in {
        "airfleet": f'exec {shlex.join(command())} "$@"',
        "docker": f'echo "$@" > {tmp_path}/asked',
    }.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    script = documents.commands(GUIDE.name, "As the owner of the project folder, who has airfleet installed:", 2)
    done = subprocess.run(
        ["bash", "-ec", script], cwd=project, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "asked").read_text() == "compose up --detach --wait\n"
    made = yaml.safe_load((project / "compose.yaml").read_text())
    assert set(made["services"]) == {"control-1", "control-2", "work-1", "postgres", "valkey"}
    files = {project / one["file"] for one in made["secrets"].values()}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert files == set((project / "secrets").iterdir())
