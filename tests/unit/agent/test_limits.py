"""Limits of memory: where the kernel's groups are, what a component does, and what happens above the limit."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.agent import limits
from airfleet.agent.limits import Hierarchy
from airfleet.events import Event
from airfleet.fleet.plan import Component, Fork, Plan

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
    assert limits.find(groups, mounts) == found


@pytest.mark.parametrize(("groups", "mounts"), [("0::/\n", OTHERS), ("1:cpu:/\n", V1.splitlines()[1]), ("", V2)])
def test_a_kernel_that_counts_no_memory(groups: str, mounts: str) -> None:
    with pytest.raises(OSError, match="no control groups that count memory"):
        limits.find(groups, mounts)


def test_a_component_with_a_limit_puts_itself_into_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(limits.GROUP, str(tmp_path))
    limits.enter("light-2", {"memory_bytes": "1048576"})
    assert (tmp_path / "light-2" / "memory.max").read_text() == "1048576"
    assert int((tmp_path / "light-2" / "cgroup.procs").read_text()) > 0


def test_a_component_without_a_limit_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(limits.GROUP, str(tmp_path))
    limits.enter("light", {"slots": "2"})
    monkeypatch.delenv(limits.GROUP)
    limits.enter("light", {"memory_bytes": "1"})
    assert list(tmp_path.iterdir()) == []


def test_a_component_that_cannot_be_limited_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(limits.GROUP, str(tmp_path / "gone"))
    limits.enter("light", {"memory_bytes": "1"})
    assert capsys.readouterr().out.startswith("runs without its limit of memory: ")


PLAN = Plan("shop", Path("/srv/shop"), (Component("w", "worker", Fork("worker")),), {}, {}, url="", user="")


def test_a_fleet_without_limits_makes_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(limits.GROUP, raising=False)
    assert limits.prepare(PLAN, "test", lambda *_, **__: pytest.fail("something was said")) is None


ABOVE = """\
import os, sys
from airfleet.agent import limits
from test_limits import limited

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


def test_the_kernel_ends_what_asks_for_more_or_the_agent_says_that_it_cannot() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ABOVE], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    if done.returncode:  # no right to make groups here
        assert done.stderr == f"not here: ['{Event.LIMITS_IMPOSSIBLE.name}']\n"
    else:
        assert done.stdout in ("7 False\n", "-9 False\n")
