"""Which variables of the environment reach which process."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from airfleet.agent.host import environment

SHELL = {"PATH": "/bin", "HOME": "/var/shop", "DATABASE_PASSWORD": "s3cret", "REGION": "eu"}


def test_what_is_withheld_is_there_and_nothing_that_programs_need_to_run() -> None:
    names = {"DATABASE_PASSWORD", "HOME", "PATH", "NOT_THERE"}
    assert environment.withheld(SHELL, names) == {"DATABASE_PASSWORD": "s3cret"}
    assert environment.without(SHELL, names) == {"PATH": "/bin", "HOME": "/var/shop", "REGION": "eu"}


@pytest.mark.parametrize(
    ("shell", "names"),
    [
        ({"PYTHONWARNINGS": "error"}, ("PYTHONWARNINGS",)),
        (
            {"PYTHONWARNINGS": "ignore,error::DeprecationWarning", "PYTHONINSPECT": "1"},
            ("PYTHONINSPECT", "PYTHONWARNINGS"),
        ),
        ({"PYTHONWARNINGS": "ignore", "PYTHONINSPECT": "", "PYTHONPATH": "/srv/shop"}, ()),
    ],
)
def test_a_fleet_does_not_get_what_would_keep_it_from_running(shell: dict[str, str], names: tuple[str, ...]) -> None:
    assert environment.unfit({**SHELL, **shell}) == names


def test_an_agent_reads_what_it_is_told_with_any_bytes() -> None:
    told = {"A": "line\nline", "B": "é漢", "C": b"\xff".decode(errors="surrogateescape")}
    stream = io.BytesIO()
    environment.write(stream, told)
    assert environment.read(io.StringIO(stream.getvalue().decode())) == told
    assert environment.read(io.StringIO("")) == {}


def test_a_process_hides_what_it_was_started_with_and_knows_it_still() -> None:
    script = """
import os
from airfleet.agent.host import environment
environment.clear_first({"DATABASE_PASSWORD", "HOME"})
first = open("/proc/self/environ", "rb").read()
assert b"s3cret" not in first and b"DATABASE" not in first, first
assert {b"PATH=/bin", b"HOME=/var/shop", b"REGION=eu"} <= set(first.split(b"\\0")), first
assert os.environ["DATABASE_PASSWORD"] == "s3cret"
os.environ["ANOTHER"] = "one"
os.environ.pop("REGION")
import subprocess
told = subprocess.run(["/usr/bin/env"], capture_output=True, text=True, check=True).stdout
assert "ANOTHER=one" in told and "s3cret" not in told, told
"""
    source = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env={**SHELL, **source}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
