"""``airfleet deploy --local``: a unit of systemd for the folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airfleet.cli.commands.hosts import this_machine
from airfleet.client.project import Project
from airfleet.errors import FleetError
from airfleet.fleet.config import reader
from support.command_line import Airfleet


def test_without_systemd_the_hint_says_what_to_call_at_boot(project: Project, tmp_path: Path) -> None:
    found = this_machine.problem(project, tmp_path / "nowhere")
    assert str(found) == (
        f"systemd does not run on this machine\nhint: let its init system call 'airfleet -C {project.root} up' at boot"
    )


@pytest.mark.needs("root")
def test_variables_of_the_shell_are_refused(project: Project, tmp_path: Path) -> None:
    project.fleet_file.write_text("name: shop\nenv: {TOKEN: '${{ env.TOKEN }}'}\n")
    with pytest.raises(FleetError, match=r"fleet.yaml takes in TOKEN from the environment"):
        raise this_machine.problem(project, tmp_path) or AssertionError


def test_the_unit_starts_the_fleet_of_the_folder_with_its_overlay(project: Project) -> None:
    (project.root / "fleet.prod.yaml").write_text("log_retention: 30d\n")
    here = project.told("AIRFLEET_ENV", "prod")
    script = this_machine.commands(here, reader.read_file(here.fleet_file, here.environ), 120.0)
    program = Path(sys.executable).with_name("airfleet")
    assert f"ExecStart={program} -C {project.root} up --env prod --adopt --timeout 10m --drain 600s\n" in script
    lines = script.splitlines()
    assert f"{program} -C {project.root} down --timeout 600s" in lines
    assert lines[-1] == f"{program} -C {project.root} up --env prod --detach --timeout 120s"


class Service:
    """A machine with programs in the place of systemctl and airfleet, which write down their calls."""

    def __init__(self, folder: Path, project: Project) -> None:
        self.folder, self.project = folder, project
        (folder / "bin").mkdir()
        socket = project.paths.socket
        bind = f"import socket; socket.socket(socket.AF_UNIX).bind('{socket}')"
        systemctl = f'case "$*" in *restart*) python3 -c "{bind}";; esac'
        for name, does in (("systemctl", systemctl), ("airfleet", f'[ "$3" != status ] || [ -S {socket} ]')):
            file = folder / "bin" / name
            file.write_text(f'#!/bin/sh\necho "{name} $1 $2 $3" >> {folder}/calls\n{does}\n')
            file.chmod(0o755)
        project.paths.socket.parent.mkdir(parents=True)

    def deploy(self) -> list[str]:
        """Run the script; what was called."""
        (self.folder / "calls").unlink(missing_ok=True)
        text = this_machine.commands(self.project, reader.read_file(self.project.fleet_file, {}), 120.0)
        text = text.replace(str(Path(sys.executable).with_name("airfleet")), str(self.folder / "bin/airfleet"))
        text = text.replace("/etc/systemd/system", str(self.folder / "units"))
        environ = {"HOME": str(self.folder), "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}
        subprocess.run(["sh", "-c", text], env=environ, check=True, timeout=30)
        calls = [line.split() for line in (self.folder / "calls").read_text().splitlines()]
        return [words[1 if words[0] == "systemctl" else 3] for words in calls]


@pytest.mark.needs("root")
def test_a_second_run_leaves_the_service_as_it_is(project: Project, tmp_path: Path) -> None:
    service = Service(tmp_path, project)
    assert service.deploy() == ["down", "daemon-reload", "enable", "status", "restart", "up"]
    assert service.deploy() == ["is-active", "up"]


def test_what_is_about_hosts_elsewhere_is_refused(project: Project, airfleet: Airfleet) -> None:
    result = airfleet("deploy", "--local", "--undo")
    assert result.code == 2
    assert "--local is about this machine" in result.err
