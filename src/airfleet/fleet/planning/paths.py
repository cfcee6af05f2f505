"""Where a fleet keeps its things on this machine.

::

    <root>/.airfleet/            the fleet's home (AIRFLEET_HOME names another place), mode 0700
        secrets.json             generated once, mode 0600
        password                 of the UI user, mode 0600
        flower-password          of Flower's user, mode 0600, when there is Flower
        ports.json               ports in use, kept so that they stay the same
        servers.json             programs that made the data of the embedded servers
        plan.json                what the agent was told to run, for 'airfleet plan' to compare with
        airflow/airflow.cfg      generated at every start
        airflow/execution-urls   where tasks reach the execution API now
        releases/                the releases that this host has, and which of them is live
        logs/<component>.log     output of each component; agent.log is the agent's own
        task-logs/               logs of tasks
        valkey/, postgres/       data of the embedded servers
        boot                     the name of the agent's last life, in a fleet of several hosts
        hosts/NAME/              home of the host NAME, when several agents share a project folder (AIRFLEET_HOST);
                                 secrets.json and task-logs/ are then those of the folder above
        run/                     what belongs to the running agent, mode 0700
            agent.sock agent.lock processes.json <worker>.beat
            outcomes/            what workers tell of failures, until it is in the database

Nothing of it depends on who asks: every shell, service manager and user comes to the same places.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airfleet.errors import FleetError

RENAME = "give the project, or AIRFLEET_HOME, another path"
#: what initdb refuses, as it calls a shell
_CONTROL = re.compile(r"[\r\n]")
#: what Airflow replaces in every path: ``os.path.expandvars``, and configparser's own syntax
_VARIABLE, _INTERPOLATED = re.compile(r"\$(?:(\w+)|\{([^}]*)\})", re.ASCII), re.compile(r"%\([^)]*\)s?")

#: the variable that says which host of the fleet this machine, or this agent, is
HOST = "AIRFLEET_HOST"
#: the variable that names another place for the fleet's home
HOME = "AIRFLEET_HOME"


@dataclass(frozen=True)
class Paths:
    """Every place of one fleet, from its home."""

    home: Path
    runtime: Path
    #: the folder that all agents of a project folder share; None is ``home``
    shared: Path | None = None

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
        return (self.shared or self.home) / "secrets.json"

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
    def servers(self) -> Path:
        return self.home / "servers.json"

    @property
    def plan(self) -> Path:
        return self.home / "plan.json"

    @property
    def boot(self) -> Path:
        return self.home / "boot"

    @property
    def airflow_home(self) -> Path:
        return self.home / "airflow"

    def job(self, component: str) -> Path:
        """Name the file for the job row of a scheduler, a triggerer or a dag-processor in Airflow's table."""
        return self.airflow_home / f"{component}.job"

    @property
    def releases(self) -> Path:
        """Name the folder of this host's releases (:class:`airfleet.releases.places.Places`)."""
        return self.home / "releases"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def task_logs(self) -> Path:
        return (self.shared or self.home) / "task-logs"

    def log(self, component: str) -> Path:
        """Name the file of a component's output."""
        return self.logs / f"{component}.log"


def of(root: Path, environ: Mapping[str, str]) -> Paths:
    """Find the places of the fleet with ``fleet.yaml`` in ``root``: of its host AIRFLEET_HOST, where that is given.

    A relative AIRFLEET_HOME is one beside ``fleet.yaml``, from whichever folder the command is called.
    """
    usual = (root / ".airfleet").absolute()
    host, given = environ.get(HOST), environ.get(HOME)
    home = root.absolute() / given if given else usual / "hosts" / host if host else usual
    return Paths(home, home / "run", shared=usual if host and not given else None)


def require_text(*places: Path) -> None:
    """Raise FleetError when a path is no text: files of the fleet name it, and they are UTF-8."""
    for place in places:
        try:
            str(place).encode()
        except UnicodeEncodeError:
            shown = str(place).encode(errors="surrogateescape").decode(errors="backslashreplace")
            raise FleetError(f"the path {shown} is not UTF-8 text", hint=RENAME) from None


def require_fit(environ: Mapping[str, str], *places: Path) -> None:
    """Raise FleetError when PostgreSQL or Airflow would take a path for another one."""
    for place in places:
        text = str(place)
        if broken := _CONTROL.search(text):
            raise FleetError(
                f"the path {text!r} has the character {broken[0]!r}, which PostgreSQL refuses", hint=RENAME
            )
        found = next((name for name in _VARIABLE.finditer(text) if (name[1] or name[2]) in environ), None)
        if found := found or _INTERPOLATED.search(text):
            raise FleetError(f"the path {text} has '{found[0]}', for which Airflow puts in a value", hint=RENAME)


def fleet_id(home: Path) -> str:
    """Make a short name of this fleet on this machine; two homes never share one."""
    return hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]
