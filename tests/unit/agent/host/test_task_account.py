"""Which user tasks run as: what fleet.yaml wants, and what this machine can give."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from airfleet.agent.host import task_account
from airfleet.errors import FleetError
from airfleet.fleet.config.spec import Fleet

ME = pwd.getpwuid(os.geteuid()).pw_name
MAKE = "useradd --system --shell /usr/sbin/nologin airfleet-tasks"


def fleet(task_user: str | None = None, *, production: bool = False, root: str = "/") -> Fleet:
    return Fleet("shop", root, pipelines=".", task_user=task_user, production=production)


@pytest.mark.parametrize(
    ("made", "euid"),
    [
        (fleet(), 1000),
        (fleet(), 0),
        (fleet(production=True), 1000),
        (fleet("root", production=True), 0),
        (fleet(ME), os.geteuid()),
    ],
)
def test_tasks_run_as_the_user_of_the_fleet(made: Fleet, euid: int) -> None:
    assert task_account.choose(made, euid=euid, servers=()) is None


@pytest.mark.parametrize(
    ("made", "euid", "said"),
    [
        (
            fleet(production=True),
            0,
            "root runs this fleet for production, and fleet.yaml does not say which user its tasks run as\n"
            f"hint: '{MAKE}', and 'task_user: airfleet-tasks'; or start the fleet as an ordinary user",
        ),
        (
            fleet("daemon"),
            1000,
            "tasks cannot run as 'daemon' (task_user): only root can start them as another user\n"
            "hint: start the fleet as root, or leave task_user out: tasks run as the user of the fleet then",
        ),
        (
            fleet("daemon"),
            0,
            "tasks cannot run as 'daemon' (task_user), who runs servers of this fleet: they could read its data\n"
            f"hint: '{MAKE}', and 'task_user: airfleet-tasks'",
        ),
        (
            fleet("who-is-that"),
            0,
            "there is no user 'who-is-that' here (task_user)\n"
            "hint: useradd --system --shell /usr/sbin/nologin who-is-that",
        ),
    ],
)
def test_a_user_that_is_not_to_be_had_is_refused(made: Fleet, euid: int, said: str) -> None:
    with pytest.raises(FleetError) as refused:
        task_account.choose(made, euid=euid, servers=["daemon"])
    assert str(refused.value) == said


@pytest.mark.needs("root")  # who can try another user
def test_a_user_who_cannot_read_the_project_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(FleetError) as refused:
        task_account.choose(fleet("daemon", root=str(tmp_path)), euid=0, servers=())
    assert "tasks cannot run as 'daemon' (task_user), who cannot read " in str(refused.value)


def test_a_host_that_gets_its_code_by_releases_has_no_folder_of_pipelines_to_read(tmp_path: Path) -> None:
    assert task_account.read_by_tasks(Fleet("shop", str(tmp_path))) == (tmp_path,)
    (tmp_path / "pipelines").mkdir()
    assert task_account.read_by_tasks(Fleet("shop", str(tmp_path))) == (tmp_path, tmp_path / "pipelines")


def test_root_is_told_that_tasks_run_as_root_unless_fleet_yaml_says_so() -> None:
    said = task_account.warning(fleet(), 0)
    assert said == (
        "tasks run as root, and can read all secrets of this machine; 'task_user' in fleet.yaml names another user"
    )
    assert task_account.warning(fleet("root"), 0) is None
    assert task_account.warning(fleet("daemon"), 0) is None
    assert task_account.warning(fleet(), 1000) is None
