"""Missing programs of the system are installed where that is allowed, and named with their tests where it is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from system_packages import Act, Manager, Rights, decide

from support.documents import REPOSITORY
from support.left_out import system_packages

SCRIPT = REPOSITORY / "scripts/system_packages.py"


@pytest.mark.parametrize("all_required", [True, False])
@pytest.mark.parametrize("rights", Rights)
def test_a_machine_that_has_everything_is_left_as_it_is(rights: Rights, all_required: bool) -> None:
    plan = decide((), rights, Manager.APT, all_required=all_required)
    assert (plan.act, plan.commands, plan.sentences) == (Act.NOTHING, (), ())


@pytest.mark.parametrize(
    ("missing", "rights", "manager", "all_required", "act"),
    [
        (("nginx",), Rights.ROOT, Manager.APT, False, Act.INSTALL),
        (("nginx",), Rights.SUDO, Manager.APT, True, Act.INSTALL),
        (("nginx",), Rights.NONE, Manager.APT, False, Act.LEAVE_OUT),
        (("nginx",), Rights.NONE, Manager.APT, True, Act.REFUSE),
        (("nginx",), Rights.ROOT, Manager.DNF, False, Act.LEAVE_OUT),
        (("nginx",), Rights.ROOT, None, False, Act.LEAVE_OUT),
        (("nginx",), Rights.ROOT, None, True, Act.REFUSE),
        (("venv",), Rights.ROOT, Manager.APT, False, Act.INSTALL),
        (("venv", "nginx"), Rights.NONE, Manager.APT, False, Act.REFUSE),
    ],
)
def test_what_is_done_about_missing_programs(
    missing: tuple[str, ...], rights: Rights, manager: Manager | None, all_required: bool, act: Act
) -> None:
    assert decide(missing, rights, manager, all_required=all_required).act is act


@pytest.mark.parametrize(("rights", "before"), [(Rights.ROOT, ()), (Rights.SUDO, ("sudo", "-n"))])
def test_every_missing_package_is_installed_by_one_command_after_the_lists(
    rights: Rights, before: tuple[str, ...]
) -> None:
    plan = decide(("chromium", "nginx"), rights, Manager.APT, all_required=False)
    update, install = plan.commands
    assert update == (*before, "apt-get", "update", "-qq")
    assert install[: len(before)] == before
    assert install[-3:] == ("nginx", "chromium", "chromium-driver")
    assert plan.sentences == ("installing packages that tests need: nginx chromium chromium-driver",)


@pytest.mark.parametrize(
    ("manager", "line"),
    [(Manager.APT, "apt-get install iproute2"), (Manager.DNF, "dnf install iproute"), (None, "install iproute2")],
)
def test_a_package_that_may_not_be_installed_is_named_with_its_line(manager: Manager | None, line: str) -> None:
    said = decide(("ip",), Rights.NONE, manager, all_required=False).sentences
    assert said == (
        f"missing: ip, for tests of networks of hosts: {line}",
        "their tests are left out; they are counted at the end",
    )


def test_where_nothing_may_be_left_out_a_missing_program_is_an_error() -> None:
    said = decide(("nginx",), Rights.NONE, Manager.APT, all_required=True).sentences
    assert said[-1] == "error: no test may be left out here (AIRFLEET_NO_SKIPS=1)"


def test_without_venv_there_is_no_environment() -> None:
    said = decide(("venv",), Rights.NONE, Manager.APT, all_required=False).sentences
    assert said[-1] == "error: nothing runs without venv"


def test_tests_that_several_runs_left_out_are_counted_once_by_what_they_need() -> None:
    lines = [
        json.dumps(one)
        for one in [["a.py::x", "nginx"], ["a.py::y", "nginx"], ["a.py::y", "root"], ["a.py::x", "nginx"]]
    ]
    assert system_packages.summary(lines, Manager.APT) == (
        "left out: 2 tests: 2 for want of nginx (apt-get install nginx), 1 for want of root (run them as root)"
    )
    assert system_packages.summary([], Manager.APT) == ""


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine whose folders of programs have nothing but ``apt-get``."""
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    apt.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n')
    apt.chmod(0o755)
    return {"PATH": str(apt.parent)}


def run(environ: dict[str, str], *, root: bool, folders: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run the script as if the system had these folders beside ``PATH``."""
    code = (
        f"import os, sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import system_packages as s; "
        f"s.SYSTEM_FOLDERS = {folders!r}; os.geteuid = lambda: {0 if root else 1000}; sys.exit(s.main(['install']))"
    )
    return subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)


def test_without_rights_each_package_is_named_and_the_tests_go_on(bare: dict[str, str], tmp_path: Path) -> None:
    done = run(bare, root=False)
    assert done.returncode == 0
    assert "missing: nginx, for tests of proxies: apt-get install nginx\n" in done.stdout
    assert "missing: chromium, for tests of the UI: apt-get install chromium chromium-driver\n" in done.stdout
    assert not (tmp_path / "asked").exists()


def test_in_ci_a_missing_package_ends_the_run_before_it_begins(bare: dict[str, str]) -> None:
    assert run({**bare, "AIRFLEET_NO_SKIPS": "1"}, root=False).returncode == 1


def test_root_installs_and_what_is_missing_after_that_is_named(bare: dict[str, str], tmp_path: Path) -> None:
    bare["PATH"] += os.pathsep + "/usr/bin"  # where env is
    done = run(bare, root=True)
    assert done.returncode == 0
    lists, packages = (tmp_path / "asked").read_text().splitlines()
    assert lists == "update -qq"
    assert {"nginx", "pgbouncer"} <= set(packages.split())
    assert done.stdout.index("installing packages") < done.stdout.index("missing: nginx, ")


def test_a_machine_that_has_everything_is_asked_nothing_in_no_time(tmp_path: Path) -> None:
    names = [name for need in system_packages.NEEDS for name in need.programs]
    for name in names:
        (tmp_path / name).symlink_to("/bin/true")
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, SCRIPT, "install"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 2.0  # a fifth of a second on a machine that does nothing else
