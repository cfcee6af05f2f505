"""A login user other than root, and the real ``sudo``: what it allows is done, what it does not is a problem before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.documents import commands
from support.machines import Site
from support.namespaced_machines import HOME, USER, NamespacedMachine, NamespacedMachines, namespaced_machines

pytestmark = pytest.mark.needs("sshd", "ip", "root", "systemd", "sudo")

FOLDER = "/srv/shop"
FLEET = f"""\
name: shop
deploy: {{{{folder: {FOLDER}}}}}
hosts:
  - name: one
    address: {{address}}
    scheduler: true
    api_server: {{{{port: 8099}}}}
    dag_processor: true
    workers: [{{{{slots: 1}}}}]
"""
#: the lines of the guide, for the user of the machines
RULES = commands("deploy.md", "`visudo -f /etc/sudoers.d/airfleet` there):").replace("deploy", USER)
NO_FOLDER = f"host 'one' lets user '{USER}' not write to {FOLDER}: 'deploy: {{folder: …}}' names another folder"
NO_LINGER = (
    f"host 'one' ends services of '{USER}' when that user logs out: "
    f"'sudo loginctl enable-linger {USER}' there keeps them"
)


@pytest.fixture
def site() -> Iterator[Site[NamespacedMachines]]:
    with namespaced_machines(1) as found:
        made = Site(found.folder / "project", found)
        made.write(FLEET.format(address=found.add("one", has_systemd=True).address))
        yield made


@pytest.fixture
def one(site: Site[NamespacedMachines]) -> NamespacedMachine:
    return site.machines.by_name["one"]


def as_root(one: NamespacedMachine, *words: str) -> str:
    done = one.run_as_root(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def allow(one: NamespacedMachine, rules: str) -> None:
    """Give the machine a file of rules for sudo; no other machine has it."""
    file = "/etc/sudoers.d/airfleet"
    as_root(one, "bash", "-ec", f'umask 337; printf %s "$1" > {file}; visudo -cqf {file}', "bash", rules)


def owned(one: NamespacedMachine, *places: str) -> list[str]:
    """Owner, group and mode of folders of a machine."""
    return as_root(one, "stat", "--format", "%U %G %a %n", *places).splitlines()


def what_lies(one: NamespacedMachine) -> str:
    """Everything where a deploy writes, with owners, modes and times."""
    places = ("/srv", HOME, "/var/lib/systemd/linger", "/etc/systemd")
    return as_root(one, "bash", "-c", 'find "$@" -printf "%p %u %m %T@\n" 2>/dev/null; :', "bash", *places)


@pytest.mark.long
def test_the_rules_of_the_guide_are_enough_for_a_folder_below_root_s_and_services_that_stay(
    site: Site[NamespacedMachines], one: NamespacedMachine
) -> None:
    allow(one, RULES)
    done = site.deploy("--vendor")
    assert done.returncode == 0, done.stderr
    assert f"host 'one': make {FOLDER} with sudo" in done.stderr
    assert "host 'one': keep services after the last logout" in done.stderr
    assert owned(one, "/srv", FOLDER) == ["root root 755 /srv", f"{USER} {USER} 711 {FOLDER}"]
    assert as_root(one, "loginctl", "show-user", USER, "--property", "Linger") == "Linger=yes\n"
    as_root(one, "rm", "/etc/sudoers.d/airfleet")
    again = site.deploy("--vendor")
    assert (again.returncode, "sudo" in again.stderr) == (0, False), again.stderr


@pytest.mark.parametrize(
    ("rules", "problems"),
    [
        pytest.param("", [NO_LINGER, NO_FOLDER], id="no rule"),
        pytest.param(RULES.replace(FOLDER, "/srv/other"), [NO_FOLDER], id="another folder"),
        pytest.param(RULES.replace("NOPASSWD", "PASSWD"), [NO_LINGER, NO_FOLDER], id="a password"),
    ],
)
def test_what_sudo_does_not_allow_is_named_by_the_preflight_and_nothing_is_changed(
    site: Site[NamespacedMachines], one: NamespacedMachine, rules: str, problems: list[str]
) -> None:
    allow(one, rules)
    before = what_lies(one)
    done = site.deploy("--vendor")
    assert done.returncode == 1
    assert [line.removeprefix("error: ") for line in done.stderr.splitlines() if "host 'one'" in line] == problems
    assert what_lies(one) == before


def test_a_folder_of_somebody_else_with_something_in_it_is_not_taken(
    site: Site[NamespacedMachines], one: NamespacedMachine
) -> None:
    allow(one, RULES)
    as_root(one, "install", "-d", "-m", "755", FOLDER, f"{FOLDER}/theirs")
    before = what_lies(one)
    done = site.deploy("--vendor")
    assert (done.returncode, what_lies(one)) == (1, before)
    assert f"has {FOLDER}, which belongs to 'root' and is not empty" in done.stderr


def test_a_user_who_may_do_everything_needs_no_list(site: Site[NamespacedMachines], one: NamespacedMachine) -> None:
    allow(one, f"Defaults:{USER} listpw=always\n{USER} ALL=(ALL) NOPASSWD: ALL\n")
    shown = site.deploy("--vendor", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert f"# make {FOLDER} with sudo" in shown.stdout
    assert "# keep services after the last logout" in shown.stdout
