"""Exposed by processes to others on the machine: the first environment."""

from __future__ import annotations

from airfleet.system import procfs


def first_environment(pid: int) -> str:
    """Return the environment that a process was started with, one variable a line; empty when it is gone."""
    return b"\n".join(procfs.variables(pid)).decode(errors="replace")
