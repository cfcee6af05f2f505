"""A real agent over a plan of small programs: everything but Airflow.

The agent runs in a process of its own, as it does for people: it takes signals and adopts orphans.
"""

from __future__ import annotations

import datetime as dt
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from airfleet import events
from airfleet.agent import bootstrap, control, launch
from airfleet.agent.assembly import assemble
from airfleet.agent.cluster import reattach
from airfleet.agent.control import AgentGone, ComponentStatus, Snapshot
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.planning.plan import Component, Exec, FileBeats, Neighbours, Plan
from airfleet.system import process_tree

SECONDS = 20.0


@dataclass
class Toy:
    """A running agent and what it has done so far."""

    paths: Paths
    folder: Path
    process: subprocess.Popen[bytes]

    def kill_agent(self) -> None:
        """Kill the agent, and none of its components."""
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        """Start another agent over the same plan."""
        self.process = _start(self.folder, self.paths)
        wait_until(lambda: _answers(self), SECONDS, "the agent answers", pause_seconds=0.02)

    def snapshot(self) -> Snapshot:
        return control.status(self.paths.socket)

    def component(self, name: str) -> ComponentStatus:
        return next(c for c in self.snapshot().components if c.name == name)

    def wait(self, condition: Callable[[Snapshot], bool], what: str) -> Snapshot:
        """Wait for the first snapshot for which ``condition`` holds."""

        def holds() -> Snapshot | None:
            now = self.snapshot()
            return now if condition(now) else None

        return wait_until(holds, SECONDS, what, pause_seconds=0.02)

    def wait_for(self, name: str, *states: str) -> ComponentStatus:
        """Wait until the component is in one of the states."""
        self.wait(lambda now: self._state(now, name) in states, f"{name} is {' or '.join(states)}")
        return self.component(name)

    @staticmethod
    def _state(snapshot: Snapshot, name: str) -> str:
        return next(c.state for c in snapshot.components if c.name == name)

    def stop(self, force: bool = False, seconds: float | None = None) -> None:
        """Ask it to end, its workers within so long, and wait until it has."""
        request = {"do": "stop", "force": force, "seconds": seconds}
        for _ in control.ask(self.paths.socket, request, timeout_seconds=SECONDS):
            pass
        self.process.wait(timeout=SECONDS)

    def log(self) -> list[str]:
        """Read the sentences of the agent's log, without time and data."""
        lines = self.paths.log("agent").read_text().splitlines()
        return [line.partition(" ")[2].partition(" {")[0] for line in lines]


@contextmanager
def toy(
    *components: Component,
    database_url: str = "",
    host: str = "local",
    neighbours: Neighbours | None = None,
    pipelines: Path | None = None,
) -> Iterator[Toy]:
    """Run an agent over these components; nothing of it is left after the block."""
    folder = Path(tempfile.mkdtemp(prefix="af"))  # short: a socket's path may have 107 bytes
    paths = Paths(home=folder / "home", runtime=folder / "run")
    for made in (paths.home, paths.runtime, paths.logs):
        made.mkdir(parents=True)
    plan = Plan("toy", folder, components, {}, {}, "http://127.0.0.1:1", "admin", database_url=database_url)
    plan = replace(plan, host=host, neighbours=neighbours, pipelines=pipelines)
    (folder / "plan").write_bytes(pickle.dumps((plan, paths)))
    made_toy = Toy(paths, folder, _start(folder, paths))
    try:
        wait_until(lambda: _answers(made_toy), SECONDS, "the agent answers", pause_seconds=0.02)
        yield made_toy
        surprises = [line for line in made_toy.log() if "unexpected error in" in line]
        assert not surprises, surprises  # an agent bears them; a test does not
    finally:
        made_toy.kill_agent()
        launch.end_leftovers(paths, grace_seconds=0.0)
        shutil.rmtree(folder)


def program(name: str, script: str, kind: str = "thing", **fields: object) -> Component:
    """Make a component that is a shell script, ready as soon as it runs."""
    return Component(name, kind, Exec(("/bin/sh", "-c", script)), **fields)  # type: ignore[arg-type]


def reporting(name: str, beat: Path, script: str, **fields: object) -> Component:
    """Make the same, ready when the script has written its pid into ``beat``."""
    return program(name, script, probe=FileBeats(str(beat)), **fields)


def _start(folder: Path, paths: Paths) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "support.toy_agent", str(folder / "plan")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), process_tree.MARK: fleet_id(paths.home)},
        start_new_session=True,
    )


def _answers(running: Toy) -> bool:
    try:
        running.snapshot()
    except AgentGone:
        return False
    return True


def main() -> None:
    """Give the agent's process."""
    plan, paths = pickle.loads(Path(sys.argv[1]).read_bytes())
    inherited = reattach.inherit(paths, None, 0.0)
    bootstrap.end_leftovers(paths, 1.0, inherited.pids)
    with bootstrap.listen(paths.socket) as listener, open(paths.log("agent"), "a") as file:
        log = events.to_file(file, lambda: dt.datetime.now().astimezone())
        assemble(plan, paths, log, inherited=inherited).run(listener)


if __name__ == "__main__":
    main()
