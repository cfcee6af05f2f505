"""``airfleet deploy``: what it says where there is nothing to deploy to, and what it brings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airfleet.cli.commands.hosts import version_source
from airfleet.client.project import Project
from airfleet.errors import FleetError
from airfleet.fleet.config import reader
from support.command_line import Airfleet

FLEET = """\
name: shop
database: postgresql://airflow:${{ secrets.database_password }}@127.0.0.1:1/airflow
broker: redis://:${{ env.BROKER_PASSWORD }}@127.0.0.1:1
policies: {on_partition: keep}
hosts:
  - {name: control, address: 127.0.0.1, scheduler: true, api_server: true, dag_processor: true}
  - {name: work-1, address: 127.0.0.2, workers: [{slots: 2}], ssh: deploy@work.example.com}
"""


@pytest.fixture
def fleet(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    project.fleet_file.write_text(FLEET)
    folder = project.root / "secrets"
    folder.mkdir(mode=0o700)
    for name in ("database_password", "of_nobody"):
        (folder / name).touch(0o600)
        (folder / name).write_text("s3cret")
    monkeypatch.setenv("BROKER_PASSWORD", "b")
    return Project(project.root, os.environ)


def false_ssh(folder: Path) -> str:
    """A program in the place of ``ssh`` that reaches no host."""
    file = folder / "ssh"
    file.write_text("#!/bin/sh\necho 'Host key verification failed.' >&2\nexit 255\n")
    file.chmod(0o755)
    return str(file)


def test_a_fleet_without_hosts_has_nowhere_to_go(project: Project, airfleet: Airfleet) -> None:
    result = airfleet("deploy")
    assert result.code == 1
    assert "fleet 'shop' has no hosts to deploy to" in result.err


def test_an_unknown_host_gets_the_nearest_as_hint(fleet: Project, airfleet: Airfleet) -> None:
    result = airfleet("deploy", "--host", "work1")
    assert "fleet 'shop' has no host 'work1'\nhint: did you mean 'work-1'?" in result.err


def test_every_host_that_cannot_be_reached_is_named(fleet: Project, airfleet: Airfleet, tmp_path: Path) -> None:
    result = airfleet("deploy", "--ssh", false_ssh(tmp_path))
    assert result.code == 1
    for name in ("control", "work-1"):
        assert f"host '{name}' has a key that known_hosts does not have" in result.err
    assert not fleet.paths.secrets.exists(), "secrets were made for hosts that are not there"


def test_hosts_get_the_secrets_and_variables_that_fleet_yaml_names_and_no_others(fleet: Project) -> None:
    found = version_source.gather(fleet, reader.read_file(fleet.fleet_file, fleet.environ))
    assert set(found.files) == {"fleet.yaml", "secrets/database_password"}
    assert found.variables == {"BROKER_PASSWORD": "b"}
    assert "s3cret" not in repr(found)


def test_a_variable_that_no_shell_has_is_a_sentence(fleet: Project) -> None:
    fleet.fleet_file.write_text(FLEET + "env: {A: '${{ env.ODD.NAME }}'}\n")
    here = Project(fleet.root, {**os.environ, "ODD.NAME": "x"})
    with pytest.raises(FleetError, match=r"a shell on the hosts has no variable named 'ODD.NAME'"):
        version_source.gather(here, reader.read_file(here.fleet_file, here.environ))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a==1 \\\n    --hash=sha256:0\n", ""),
        ("a==1\n", "has no hash of a"),
        ("a>=1\n", "has a line without a version: a>=1"),
        (None, "deploy.requirements cannot be read"),
    ],
)
def test_further_packages_are_locked_with_hashes(fleet: Project, text: str | None, wrong: str) -> None:
    fleet.fleet_file.write_text(FLEET + "deploy: {requirements: more.lock}\n")
    if text is not None:
        (fleet.root / "more.lock").write_text(text)
    read = reader.read_file(fleet.fleet_file, fleet.environ)
    if wrong:
        with pytest.raises(FleetError, match=wrong):
            version_source.gather(fleet, read)
    else:
        assert version_source.gather(fleet, read).requirements == f"\n{text}"


def test_hosts_get_the_file_of_allowed_signers(fleet: Project) -> None:
    policies = "policies: {on_partition: keep, push: {signed_by: keys/pushers}}"
    fleet.fleet_file.write_text(FLEET.replace("policies: {on_partition: keep}", policies))
    read = reader.read_file(fleet.fleet_file, fleet.environ)
    with pytest.raises(FleetError, match=r"keys/pushers cannot be read: No such file or directory\nhint: each host"):
        version_source.gather(fleet, read)
    (fleet.root / "keys").mkdir()
    (fleet.root / "keys" / "pushers").write_text("ann ssh-ed25519 AAAA\n")
    assert version_source.gather(fleet, read).files["keys/pushers"].mode == 0o644


def test_the_overlay_comes_along(fleet: Project) -> None:
    (fleet.root / "fleet.prod.yaml").write_text("log_retention: 30d\n")
    here = fleet.told("AIRFLEET_ENV", "prod")
    found = version_source.gather(here, reader.read_file(here.fleet_file, here.environ))
    assert {"fleet.yaml", "fleet.prod.yaml"} < set(found.files)
    assert found.overlay == "prod"
