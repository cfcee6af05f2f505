"""Steps on a host: what only root may do is asked of sudo, and a plan that changes nothing is known as one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from airfleet.deploy import steps
from airfleet.deploy.facts import Facts
from airfleet.deploy.layout import Layout
from airfleet.deploy.secret_parts import Part
from airfleet.deploy.steps import Installation, Uv
from airfleet.deploy.version import Version
from airfleet.deploy.version_record import VersionRecord
from airfleet.deploy.wheel import pack


def provided(place: Layout, **facts: bool) -> list[steps.Step]:
    """Steps for a host that has environment and version already."""
    found = Facts(
        place.folder, uid=1000, environments=frozenset({"env"}), versions=frozenset({"v"}), has_systemd=True, **facts
    )
    wanted = Installation("env", "3.12", pack("0.1.0", {}), {})
    version = Version(VersionRecord("v"), {}, (), (), Part(()))
    assert steps.provision(place, found, wanted, Uv("1", {}), version) == ()
    return list(steps.prepare(place, found))


def test_sudo_makes_the_folder_and_keeps_services_where_it_asks_no_password(tmp_path: Path) -> None:
    place = Layout(str(tmp_path / "srv" / "my shop"))
    found = provided(place, sudo_makes_folder=True, sudo_lingers=True, is_writable=False)
    assert [step.says for step in found] == [
        f"make {place.folder} with sudo",
        "keep services after the last logout",
    ]
    sudo = tmp_path / "bin" / "sudo"
    sudo.parent.mkdir()
    sudo.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/calls\nshift\ncase $1 in install) exec "$@" ;; esac\n'
    )
    sudo.chmod(0o755)
    for step in found:
        subprocess.run(["sh", "-ec", step.script], env={"PATH": f"{sudo.parent}:{os.environ['PATH']}"}, check=True)
    assert Path(place.folder).stat().st_mode & 0o777 == 0o711
    assert "-n loginctl enable-linger" in (tmp_path / "calls").read_text()


def test_sudo_is_left_alone_where_there_is_nothing_for_it_to_do() -> None:
    assert provided(Layout("/srv/shop"), is_writable=False) == []
    assert provided(Layout("/srv/shop"), sudo_makes_folder=True, sudo_lingers=True, lingers=True) == []


@pytest.mark.parametrize(
    ("changes", "nothing"), [(["keep", "keep"], True), (["keep", "restart"], False), (["stop"], False), ([], True)]
)
def test_a_plan_that_keeps_every_component_changes_nothing(changes: list[str], nothing: bool) -> None:
    said = json.dumps({"hosts": [{"components": [{"change": change} for change in changes]}]})
    assert steps.changes_nothing(said) is nothing


@pytest.mark.parametrize("said", ["", "half {", "[]", '{"hosts": 1}'])
def test_anything_else_may_change_everything(said: str) -> None:
    assert not steps.changes_nothing(said)
