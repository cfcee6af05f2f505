"""The memory that a fleet's processes may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.agent.host import machine_memory

MEBIBYTE = 2**20


def machine(folder: Path, *, total_mb: int = 4096, groups: str = "", mounts: str = "") -> Path:
    """Make a ``/proc`` of a machine."""
    (folder / "self").mkdir(parents=True)
    (folder / "meminfo").write_text(f"MemTotal:  {total_mb * 1024} kB\nMemFree: 1 kB\n")
    (folder / "self/cgroup").write_text(groups)
    (folder / "self/mounts").write_text(mounts)
    return folder


def test_without_control_groups_it_is_that_of_the_machine(tmp_path: Path) -> None:
    assert machine_memory.usable_bytes(proc=machine(tmp_path)) == 4096 * MEBIBYTE


@pytest.mark.parametrize(
    ("groups", "mount", "name", "unlimited"),
    [
        ("4:memory:/a/b\n", "cgroup {} cgroup rw,memory 0 0\n", "memory.limit_in_bytes", "9223372036854771712"),
        ("0::/a/b\n", "cgroup2 {} cgroup2 rw 0 0\n", "memory.max", "max"),
    ],
    ids=["version 1", "version 2"],
)
def test_the_least_limit_of_a_group_and_of_those_around_it_counts(
    tmp_path: Path, groups: str, mount: str, name: str, unlimited: str
) -> None:
    tree = tmp_path / "groups"
    (tree / "a/b").mkdir(parents=True)
    (tree / "a" / name).write_text(f"{450 * MEBIBYTE}\n")
    (tree / "a/b" / name).write_text(f"{unlimited}\n")
    proc = machine(tmp_path / "proc", groups=groups, mounts=mount.format(tree))
    assert machine_memory.usable_bytes(proc=proc) == 450 * MEBIBYTE


def test_where_nothing_can_be_read_it_is_not_known(tmp_path: Path) -> None:
    assert machine_memory.usable_bytes(proc=tmp_path) is None
