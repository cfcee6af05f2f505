"""A real fleet in a folder of its own, for tests: started, asked, hurt, stopped, and gone without a trace.

::

    with FleetUnderTest.make("name: shop", {"pipelines/hello.yaml": HELLO}) as fleet:
        fleet.start()
        fleet.wait_for_dag("hello")
        run = fleet.trigger("hello")
        assert fleet.wait_for_run("hello", run) == "success"

No process and no file of the fleet is left after the block, whatever happens in it. An error of airfleet's own code in
the log of a component fails the test, although the component was started again.
"""

from __future__ import annotations

import configparser
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType

from airfleet.agent import control, launch
from airfleet.agent.control import AgentGone, ComponentStatus, Snapshot
from airfleet.agent.servers.embedded_servers import SYSTEM_STATE
from airfleet.client import api_client
from airfleet.client.api_client import Api
from airfleet.client.project import Project
from airfleet.drill.dags import RunsDags
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.system import process_tree
from airfleet.testing import own_errors

START_SECONDS = 240.0

#: Settings of the person who runs the tests must not reach the fleet under test.
_PERSONAL = ("AIRFLEET", "AIRFLOW", "_AIRFLOW")


@dataclass
class FleetUnderTest(RunsDags):
    """The fleet whose ``fleet.yaml`` lies in ``root``."""

    root: Path
    environ: Mapping[str, str]
    #: removed at the end
    temporary: Path | None = None
    _unpaused: set[str] = field(default_factory=set, repr=False)

    @classmethod
    def make(
        cls, fleet_yaml: str, files: Mapping[str, str] | None = None, copy_of: Path | None = None
    ) -> FleetUnderTest:
        """Make a project in a new folder: a copy of another one, ``fleet.yaml`` and ``files`` (path -> text)."""
        folder = Path(tempfile.mkdtemp(prefix="airfleet-test-"))
        folder.chmod(0o755)  # the user that embedded servers run as, when we are root, must reach its data
        root = folder / "project"
        if copy_of is not None:
            ignore = shutil.ignore_patterns(".airfleet", "__pycache__")
            shutil.copytree(copy_of, root, ignore=ignore)
        (root / "pipelines").mkdir(parents=True, exist_ok=True)
        made = cls(root, clean_environment(), folder)
        for path, text in {"fleet.yaml": fleet_yaml, **(files or {})}.items():
            made.write(path, text)
        return made

    # --- its life ---------------------------------------------------------------------------------

    def start(self) -> Snapshot:
        """Bring it up and wait until it is healthy."""
        result = self.airfleet("up", "--detach", "--timeout", f"{START_SECONDS:.0f}s")
        assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
        return self.snapshot()

    def boot(self) -> None:
        """Bring it up and wait for nothing."""
        result = self.airfleet("up", "--detach", "--no-wait")
        assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"

    def stop(self) -> None:
        """End it and all its processes."""
        result = self.airfleet("down")
        assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"

    def airfleet(self, *arguments: object, seconds: float = START_SECONDS + 60) -> subprocess.CompletedProcess[str]:
        """Run ``airfleet`` in the project's folder."""
        return self.run([*command(), *map(str, arguments)], seconds)

    def run(self, argv: Sequence[str], seconds: float = START_SECONDS + 60) -> subprocess.CompletedProcess[str]:
        """Run a program in the project's folder, without a terminal."""
        return subprocess.run(
            argv,
            cwd=self.root,
            env=dict(self.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def queue_in_broker(self, name: str) -> str:
        """Name a queue of this fleet as its broker does."""
        parser = configparser.RawConfigParser()
        parser.read(self.paths.airflow_home / "airflow.cfg")
        return f"{json.loads(parser['celery']['extra_celery_config'])['airfleet_prefix']}{name}"

    def with_environment(self, **variables: str) -> FleetUnderTest:
        """Give the same project for commands with some variables more."""
        return FleetUnderTest(self.root, {**self.environ, **variables})

    def __enter__(self) -> FleetUnderTest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        errors = [] if error else own_errors.find(self.root)
        self.remove()
        if errors:  # no assert: pytest writes the message of one anew
            raise AssertionError("airfleet itself failed:\n" + "\n".join(errors))

    def remove(self) -> None:
        """End every process and remove every file of it."""
        try:
            for _ in control.ask(self.paths.socket, {"do": "stop", "force": True}, timeout_seconds=30.0):
                pass
        except (AgentGone, OSError):
            pass
        launch.end_leftovers(self.paths, grace_seconds=5.0)
        for folder in (self.paths.runtime, SYSTEM_STATE / fleet_id(self.paths.home), self.temporary):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    # --- what it is ------------------------------------------------------------------------------

    @property
    def project(self) -> Project:
        """As the command line sees it."""
        return Project(self.root, self.environ)

    @property
    def paths(self) -> Paths:
        """Where it keeps its things."""
        return self.project.paths

    def snapshot(self) -> Snapshot:
        """Ask the agent for a snapshot. Raises AgentGone."""
        return control.status(self.paths.socket)

    def is_running(self) -> bool:
        """Tell whether an agent answers."""
        try:
            self.snapshot()
        except AgentGone:
            return False
        return True

    def component(self, name: str) -> ComponentStatus:
        """Find a component. Raises StopIteration when there is none of that name."""
        return next(c for c in self.snapshot().components if c.name == name)

    def pids(self) -> tuple[int, ...]:
        """Find every process of the fleet: agent, components, and their children."""
        written_down = process_tree.read_down(self.paths.processes)
        return process_tree.find(fleet_id(self.paths.home), written_down)

    def known_secrets(self) -> tuple[str, ...]:
        """Read the generated secrets."""
        return tuple(map(str, json.loads(self.paths.secrets.read_text()).values()))

    # --- what is done to it ----------------------------------------------------------------------

    def write(self, path: str, text: str) -> Path:
        """Replace a file of the project at once, as editors do."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.draft")
        draft.write_text(text)
        os.replace(draft, target)
        return target

    def kill(self, name: str) -> int:
        """End a component by SIGKILL, without a warning; the pid it had."""
        pid = self.component(name).pid
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_until_replaced(self, name: str, pid: int, seconds: float) -> ComponentStatus:
        """Wait until the component is ready as another process than ``pid``."""

        def replaced() -> ComponentStatus | None:
            now = self.component(name)
            return now if now.state == "ready" and now.pid not in (None, pid) else None

        found = wait_until(replaced, seconds, f"{name} is ready as another process than {pid}")
        assert found is not None
        return found

    # --- what it does ----------------------------------------------------------------------------

    @cached_property
    def api(self) -> Api:
        """The REST API, as the user with the generated password."""
        return api_client.connect(self.project)[0]


def command() -> list[str]:
    """Give the words that start ``airfleet`` with this Python."""
    return [sys.executable, "-m", "airfleet.cli"]


def clean_environment() -> dict[str, str]:
    """Copy this process's environment without settings of airfleet or Airflow."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_PERSONAL)}
