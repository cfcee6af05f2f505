"""Start a fleet's agent in the background, and clear up after one that was killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from airfleet import versions
from airfleet.agent.control import AlreadyRuns
from airfleet.agent.host import environment, netns
from airfleet.errors import FileProblems, FleetError, Place, Problem
from airfleet.fleet.planning.paths import Paths, fleet_id, of
from airfleet.system import procfs
from airfleet.system.process_tree import MARK

#: of the caller alone
_NOT_FOR_COMPONENTS = ("AIRFLOW_HOME", "AIRFLOW_CONFIG", "AIRFLEET_TOKEN")
#: how a person's terminal writes characters; what the fleet writes is UTF-8
_TERMINAL = "PYTHONIOENCODING"


def start(root: Path, *, environ: Mapping[str, str]) -> int:
    """Start the agent of the fleet in ``root``; returns its pid once it can be asked.

    Raises FileProblems or FleetError when the agent refuses to start, AlreadyRuns when another one was there first.
    """
    from airfleet.fleet.config import reader  # the agent needs it, and not every command that asks one

    versions.require(environ)
    paths = of(root, environ)
    withheld = environment.withheld(
        environ, reader.referenced_variables(root / reader.FILE_NAME, environ).for_the_fleet
    )
    read, write = os.pipe()
    with os.fdopen(read) as report:
        try:
            agent = _spawn(root, paths, write, environ, withheld)
        finally:
            os.close(write)
        answer = report.read()
    if not answer:
        agent.wait()
        raise FleetError(
            f"the agent ended before it could start (exit code {agent.returncode})", hint=_first_output(agent)
        )
    said = json.loads(answer)
    if "pid" in said:
        agent.returncode = 0  # it lives on without us
        return int(said["pid"])
    agent.wait()
    raise _refusal(said)


def environment_of(pid: int, paths: Paths) -> dict[str, str]:
    """Read the environment that an agent was started with (its overlay, its host), without its secrets.

    Nothing when this is no process of that fleet.
    """
    found = procfs.environment(pid)
    return found if found.get(MARK) == fleet_id(paths.home) else {}


def end_leftovers(paths: Paths, grace_seconds: float = 10.0) -> tuple[int, ...]:
    """End every process that an ``up`` of this fleet started, also after its agent was killed; their pids."""
    from airfleet.agent import bootstrap

    return bootstrap.end_leftovers(paths, grace_seconds)


def _spawn(
    root: Path, paths: Paths, report: int, environ: Mapping[str, str], withheld: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    argv = netns.within([sys.executable, "-m", "airfleet.agent", "--root", str(root), "--report", str(report)], environ)
    kept_back = {*withheld, *environment.unfit(environ), _TERMINAL}
    told = {name: value for name, value in without_airflow_settings(environ).items() if name not in kept_back}
    agent = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**told, **environment.FIXED, MARK: fleet_id(paths.home)},
        start_new_session=True,
        pass_fds=[report],
    )
    assert agent.stdin is not None
    with suppress(BrokenPipeError), agent.stdin:
        environment.write(agent.stdin, withheld)
    return agent


def without_airflow_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would change the fleet's Airflow behind fleet.yaml's back.

    A shell that works with another Airflow too has ``AIRFLOW_HOME`` or ``AIRFLOW__DATABASE__...`` set,
    and the latter would win over the fleet's own settings. Connections and variables
    (``AIRFLOW_CONN_...``, ``AIRFLOW_VAR_...``) are for tasks, and stay.
    """
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(("AIRFLOW__", "_AIRFLOW_")) and name not in _NOT_FOR_COMPONENTS
    }


def left_out(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Name the settings of Airflow in this environment that the fleet does not take."""
    return tuple(sorted(name for name in environ if name.startswith("AIRFLOW__")))


def _first_output(agent: subprocess.Popen[bytes]) -> str | None:
    said = agent.stderr.read().decode(errors="replace").strip() if agent.stderr else ""
    return said.splitlines()[-1] if said else None


def _refusal(said: Mapping[str, object]) -> FileProblems | FleetError:
    if isinstance(problems := said.get("problems"), list):
        return FileProblems(Problem(Place(**p["place"]), p["path"], p["sentence"], p["hint"]) for p in problems)
    hint = said.get("hint")
    kind = AlreadyRuns if said.get("runs") else FleetError
    return kind(str(said["sentence"]), hint if isinstance(hint, str) else None)
