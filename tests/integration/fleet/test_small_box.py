"""A machine of few megabytes, as a control group without swap: all of a fleet lives in it, servers included.

Beside the fleet, the commands of people are in the group: ``airfleet up`` and ``airfleet trigger`` take memory, too.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from airfleet.agent.states import State
from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest, command
from support import memory_groups
from support.memory_groups import MemoryGroup
from support.pipelines import HELLO

REPOSITORY = Path(__file__).parents[3]
#: of the machine
BOX_BYTES = 450 * 2**20
#: for the demonstration, on two cores that others use as well
DEMO_SECONDS = 280.0

pytestmark = pytest.mark.needs("root")


@pytest.fixture
def box(tmp_path: Path) -> Iterator[MemoryGroup]:
    if why := memory_groups.obstacle():
        pytest.fail(f"{why}; as root of a machine, or in a container with its own control groups, they can")
    with memory_groups.limited(f"airfleet-box-{tmp_path.name}", BOX_BYTES) as group:
        yield group


@pytest.fixture
def fleet(box: MemoryGroup) -> Iterator[FleetUnderTest]:
    """A small fleet with servers of its own; ended before its group is removed."""
    with FleetUnderTest.make("name: box\nworkers: [{slots: 1}]\n", {"pipelines/hello.yaml": HELLO}) as made:
        yield made


def test_a_fleet_with_everything_starts_and_runs_tasks_in_it(box: MemoryGroup, fleet: FleetUnderTest) -> None:
    started = fleet.run(box.within([*command(), "up", "--detach", "--timeout", "120s"]))
    assert started.returncode == 0, started.stderr
    assert fleet.component("triggerer").state is State.SLEEPING, "the machine was found to be small"
    fleet.wait_for_dag("hello")
    ran = fleet.run(box.within([*command(), "trigger", "hello", "--unpause", "--wait", "--timeout", "60s"]))
    assert ran.returncode == 0, ran.stderr
    wait_until(lambda: fleet.component("dag-processor").state is State.SLEEPING, 60.0, "the dag-processor sleeps")
    assert (box.killed, box.swapped_bytes) == (0, 0)
    plan = fleet.run(box.within([*command(), "plan"]))
    assert "profile: small (450MB of memory)" in plan.stderr


# --- the demonstration --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Demo:
    """What ``make demo`` does, in a folder of its own."""

    root: Path
    fleet: FleetUnderTest

    def argv(self, what: str) -> list[str]:
        return [sys.executable, str(self.root / "scripts" / "demo.py"), what]


@pytest.fixture
def demo(box: MemoryGroup) -> Iterator[Demo]:
    with FleetUnderTest.make("name: unused\n") as made:
        root = made.root.parent / "copy"
        for part in ("scripts/demo.py", "examples/air_quality"):
            _copy(REPOSITORY / part, root / part)
        fleet = FleetUnderTest(root / "examples" / "air_quality", made.environ)
        found = Demo(root, fleet)
        try:
            yield found
        finally:
            subprocess.run(found.argv("stop"), env=dict(made.environ), check=False, timeout=60)
            fleet.remove()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(".airfleet", "__pycache__"))
    else:
        shutil.copy(source, target)


@pytest.mark.long
def test_the_demonstration_runs_to_its_end_in_it(box: MemoryGroup, demo: Demo) -> None:
    ran = demo.fleet.run(box.within(demo.argv("start")), DEMO_SECONDS)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert (box.killed, box.swapped_bytes) == (0, 0)
    assert list((demo.root / "build" / "demo" / "results").rglob("*.parquet"))
    assert {component.restarts for component in demo.fleet.snapshot().components} == {0}
