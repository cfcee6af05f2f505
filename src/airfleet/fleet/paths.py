"""Where a fleet keeps its things on this machine.

::

    <root>/.airfleet/            the fleet's home (AIRFLEET_HOME names another place), mode 0700
        secrets.json             generated once, mode 0600
        password                 of the UI user, mode 0600
        flower-password          of Flower's user, mode 0600, when there is Flower
        ports.json               ports in use, kept so that they stay the same
        plan.json                what the agent was told to run, for 'airfleet plan' to compare with
        airflow/airflow.cfg      generated at every start
        logs/<component>.log     output of each component; agent.log is the agent's own
        task-logs/               logs of tasks
        valkey/, postgres/       data of the embedded servers
    <runtime>/airfleet-<id>/     sockets (a Unix socket's path may have 107 bytes at most)
        agent.sock agent.lock processes.json <worker>.beat
        outcomes/                what workers tell of failures, until it is in the database
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """Every place of one fleet, from its home."""

    home: Path
    runtime: Path

    @property
    def socket(self) -> Path:
        return self.runtime / "agent.sock"

    @property
    def lock(self) -> Path:
        return self.runtime / "agent.lock"

    @property
    def processes(self) -> Path:
        return self.runtime / "processes.json"

    @property
    def outcomes(self) -> Path:
        return self.runtime / "outcomes"

    @property
    def secrets(self) -> Path:
        return self.home / "secrets.json"

    @property
    def password(self) -> Path:
        return self.home / "password"

    @property
    def flower_password(self) -> Path:
        return self.home / "flower-password"

    @property
    def ports(self) -> Path:
        return self.home / "ports.json"

    @property
    def plan(self) -> Path:
        return self.home / "plan.json"

    @property
    def airflow_home(self) -> Path:
        return self.home / "airflow"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def task_logs(self) -> Path:
        return self.home / "task-logs"

    def log(self, component: str) -> Path:
        """The file that a component's output goes to."""
        return self.logs / f"{component}.log"


def of(root: Path, environ: Mapping[str, str]) -> Paths:
    """The places of the fleet whose ``fleet.yaml`` lies in ``root``."""
    home = Path(environ.get("AIRFLEET_HOME") or root / ".airfleet").absolute()
    return Paths(home=home, runtime=_runtime_dir(home, environ))


def fleet_id(home: Path) -> str:
    """A short name of this fleet on this machine; two homes never share one."""
    return hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]


def _runtime_dir(home: Path, environ: Mapping[str, str]) -> Path:
    # XDG_RUNTIME_DIR is private to the user and short; /tmp is the place everyone has.
    base = environ.get("XDG_RUNTIME_DIR")
    if base and os.access(base, os.W_OK):
        return Path(base) / f"airfleet-{fleet_id(home)}"
    return Path(tempfile.gettempdir()) / f"airfleet-{os.getuid()}-{fleet_id(home)}"
