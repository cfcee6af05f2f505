"""The memory that a fleet's processes may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.agent.host import machine_memory

GROUPS = {2: "0::/user/fleet\n", 1: "9:memory:/user/fleet\n"}
MOUNTS = {2: "cgroup2 {at} cgroup2 rw 0 0\n", 1: "cgroup {at} cgroup rw,memory 0 0\n"}
FILES = {2: "memory.max", 1: "memory.limit_in_bytes"}


@pytest.fixture(params=[1, 2])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def made(folder: Path, version: int, limits: dict[str, str]) -> Path:
    """A ``/proc`` of a machine with 1000 kB, whose process is in a group with these limits by path."""
    proc, at = folder / "proc", folder / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal:        1000 kB\nMemFree:         10 kB\n")
    (proc / "self/cgroup").write_text(GROUPS[version])
    (proc / "self/mounts").write_text(MOUNTS[version].format(at=at))
    for path, limit in limits.items():
        (at / path).mkdir(parents=True, exist_ok=True)
        (at / path / FILES[version]).write_text(limit)
    return proc


def test_the_memory_of_a_machine_without_limits(tmp_path: Path, version: int) -> None:
    assert machine_memory.usable_bytes(proc=made(tmp_path, version, {"user/fleet": "max\n"})) == 1_024_000


@pytest.mark.parametrize("limited", ["user", "user/fleet"])
def test_the_least_limit_of_the_groups_around_a_process(tmp_path: Path, version: int, limited: str) -> None:
    limits = {"user/fleet": "max\n", "user": "900000\n", limited: "500000\n"}
    assert machine_memory.usable_bytes(proc=made(tmp_path, version, limits)) == 500_000


def test_a_limit_above_the_memory_of_the_machine_is_none(tmp_path: Path, version: int) -> None:
    proc = made(tmp_path, version, {"user/fleet": "9223372036854771712\n"})
    assert machine_memory.usable_bytes(proc=proc) == 1_024_000


def test_what_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    assert machine_memory.usable_bytes(proc=tmp_path) is None
