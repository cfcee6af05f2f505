"""Limits of memory: where the kernel's groups are, what a component does, and what happens above the limit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.agent.host import cgroups
from airfleet.agent.host.cgroups import Hierarchy
from airfleet.events import Event
from airfleet.fleet.planning.plan import Component, Fork, Plan

V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate 0 0\n"
V1 = "cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
BOTH = V1 + "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n"
OTHERS = "proc /proc proc rw 0 0\ntmpfs /run tmpfs rw 0 0\n"


@pytest.mark.parametrize(
    ("groups", "mounts", "found"),
    [
        (
            "0::/system.slice/shop.service\n",
            OTHERS + V2,
            Hierarchy(2, Path("/sys/fs/cgroup/system.slice/shop.service")),
        ),
        ("0::/\n", V2, Hierarchy(2, Path("/sys/fs/cgroup"))),
        ("4:memory:/shop\n1:cpu:/x\n", V1, Hierarchy(1, Path("/sys/fs/cgroup/memory/shop"))),
        ("9:cpu,memory:/shop\n0::/\n", BOTH, Hierarchy(1, Path("/sys/fs/cgroup/memory/shop"))),
    ],
)
def test_where_a_process_is_counted(groups: str, mounts: str, found: Hierarchy) -> None:
    assert cgroups.find(groups, mounts) == found


@pytest.mark.parametrize(("groups", "mounts"), [("0::/\n", OTHERS), ("1:cpu:/\n", V1.splitlines()[1]), ("", V2)])
def test_a_kernel_that_counts_no_memory(groups: str, mounts: str) -> None:
    with pytest.raises(OSError, match="no control groups that count memory"):
        cgroups.find(groups, mounts)


def test_a_component_with_a_limit_puts_itself_into_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cgroups.GROUP, str(tmp_path))
    cgroups.enter("light-2", {"memory_bytes": "1048576"})
    assert (tmp_path / "light-2" / "memory.max").read_text() == "1048576"
    assert int((tmp_path / "light-2" / "cgroup.procs").read_text()) > 0


def test_a_component_without_a_limit_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cgroups.GROUP, str(tmp_path))
    cgroups.enter("light", {"slots": "2"})
    monkeypatch.delenv(cgroups.GROUP)
    cgroups.enter("light", {"memory_bytes": "1"})
    assert list(tmp_path.iterdir()) == []


def test_a_component_that_cannot_be_limited_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(cgroups.GROUP, str(tmp_path / "gone"))
    cgroups.enter("light", {"memory_bytes": "1"})
    assert capsys.readouterr().out.startswith("runs without its limit of memory: ")


PLAN = Plan("shop", Path("/srv/shop"), (Component("w", "worker", Fork("worker")),), {}, {}, url="", user="")


def test_a_fleet_without_limits_makes_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cgroups.GROUP, raising=False)
    assert cgroups.prepare(PLAN, "test", lambda *_, **__: pytest.fail("something was said")) is None


ABOVE = """\
import os, sys
from airfleet.agent.host import cgroups as limits
from test_cgroups import limited

told = []
group = limits.prepare(limited(48 * 2**20), f"test-{os.getpid()}", lambda event, **words: told.append(event.name))
if group is None:
    sys.exit(f"not here: {told}")
child = os.fork()
if child == 0:
    limits.enter("w", {"memory_bytes": str(48 * 2**20)})
    grandchild = os.fork()
    if grandchild == 0:
        bytearray(os.urandom(2**20) * 160)
        os._exit(0)
    os._exit(7 if os.waitpid(grandchild, 0)[1] == 9 else 8)
_, status = os.waitpid(child, 0)
limits.remove(group)
print(os.waitstatus_to_exitcode(status), group.exists())
"""


def limited(memory_bytes: int) -> Plan:
    return replace(PLAN, components=(replace(PLAN.components[0], memory_bytes=memory_bytes),))


def test_a_limit_is_kept_where_the_agent_has_a_group() -> None:
    assert cgroups.not_kept(limited(1), {}) == ("w",)
    assert cgroups.not_kept(limited(1), {cgroups.GROUP: "/sys/fs/cgroup/x"}) == ()
    assert cgroups.not_kept(PLAN, {}) == ()


def test_the_kernel_ends_what_asks_for_more_or_the_agent_says_that_it_cannot() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ABOVE], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    if done.returncode:  # no right to make groups here
        assert done.stderr == f"not here: ['{Event.LIMITS_IMPOSSIBLE.name}']\n"
    else:
        assert done.stdout in ("7 False\n", "-9 False\n")


# --- control groups of version 2, by the kernel's own rules ---------------------------------------------------------

#: an ``airfleet up`` and its agent, which both begin in the group that is given, and maybe a stranger
IN_A_GROUP = """\
import os, pathlib, subprocess, sys
own, controller, role = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]

def listed(group):
    return (group / "cgroup.procs").read_text().split()

if role == "up":
    (own / "cgroup.procs").write_text(str(os.getpid()))
    sys.exit(subprocess.run([sys.executable, "-c", sys.argv[4], *sys.argv[1:3], "agent"]).returncode)

from airfleet.agent.host import cgroups as limits
group = limits.group_of(own, "test")
group.mkdir()
for _ in range(2):  # the second time as an agent that comes after one that died
    limits.step_aside(group, controller)
    group = limits.group_of(group / "agent", "test")
(group / "w").mkdir()
print("limited" if controller in (group / "w" / "cgroup.controllers").read_text().split() else "not limited")
print("aside:", len(listed(group / "agent")), "left:", len(listed(own)))
(group / "w").rmdir()
limits.step_back(group, controller)
group.rmdir()
print("back:", len(listed(own)), (own / "cgroup.subtree_control").read_text().split())
"""


@pytest.fixture
def given_on() -> Iterator[tuple[Path, str]]:
    """A group of version 2 of this test's own, and a controller that it has; most have other mounts for memory here."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    root = next((Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"), None)
    controllers = (root / "cgroup.controllers").read_text().split() if root else []
    if root is None or not controllers or os.geteuid():
        pytest.skip("no control groups of version 2 that a test may make")
    controller, before = controllers[-1], (root / "cgroup.subtree_control").read_text().split()
    (root / "cgroup.subtree_control").write_text(f"+{controller}")
    own = root / f"airfleet-limits-{os.getpid()}"
    own.mkdir()
    try:
        yield own, controller
    finally:
        own.rmdir()
        if controller not in before:
            (root / "cgroup.subtree_control").write_text(f"-{controller}")


def agent_in(own: Path, controller: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", IN_A_GROUP, str(own), controller, "up", IN_A_GROUP]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_agent_and_airfleet_up_step_aside_so_that_the_kernel_gives_limits_and_step_back(
    given_on: tuple[Path, str],
) -> None:
    done = agent_in(*given_on)
    assert done.stdout.splitlines() == ["limited", "aside: 2 left: 0", "back: 2 []"], done.stderr


def test_in_a_group_with_strangers_there_are_no_limits_and_it_is_said_why(given_on: tuple[Path, str]) -> None:
    own, controller = given_on
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (own / "cgroup.procs").write_text(str(stranger.pid))
        group = cgroups.group_of(own, "test")
        group.mkdir()
        try:
            with pytest.raises(OSError, match="busy") as refused:
                cgroups.step_aside(group, controller)
        finally:
            cgroups.step_back(group, controller)
            group.rmdir()
            stranger.kill()
    assert cgroups._plain(refused.value) == (
        f"others run in its control group {own}; a systemd unit of its own with Delegate=yes has one"
    )
