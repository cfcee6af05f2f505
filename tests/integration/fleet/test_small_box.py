"""A machine of few megabytes, as a control group without swap: all of a fleet lives in it, servers included.

Beside the fleet, the commands of people are in the group: ``airfleet up`` and ``airfleet trigger`` take memory, too.
"""

from __future__ import annotations

import re
import shlex
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
#: of the machine: for one small pipeline, and for the demonstration, whose tasks load pyarrow and matplotlib
BOX_MB, DEMO_MB = 560, 680
PAGE = REPOSITORY / "docs" / "how-to" / "small-server.md"
#: for the demonstration, on two cores that others use as well
DEMO_SECONDS = 280.0

pytestmark = pytest.mark.needs("root")


@pytest.fixture
def box(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MemoryGroup]:
    if why := memory_groups.obstacle():
        pytest.fail(f"{why}; as root of a machine, or in a container with its own control groups, they can")
    with memory_groups.limited(f"airfleet-box-{tmp_path.name}", request.param * 2**20) as group:
        yield group


@pytest.fixture
def fleet(box: MemoryGroup) -> Iterator[FleetUnderTest]:
    """A small fleet with servers of its own; ended before its group is removed."""
    with FleetUnderTest.make("name: box\nworkers: [{slots: 1}]\n", {"pipelines/hello.yaml": HELLO}) as made:
        yield made


def lines_of_the_page() -> list[list[str]]:
    """The commands of the guide, in its order, as words after ``airfleet``."""
    lines = re.findall(r"^ {4}airfleet (.*)$", PAGE.read_text(), re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.mark.parametrize("box", [BOX_MB], indirect=True)
def test_the_commands_of_the_guide_start_a_fleet_with_everything_and_run_tasks_in_it(
    box: MemoryGroup, fleet: FleetUnderTest
) -> None:
    words = lines_of_the_page()
    assert [line[0] for line in words] == ["plan", "up", "status", "trigger"]
    done = {line[0]: fleet.run(box.within([*command(), *line])) for line in words}
    assert {name: result.returncode for name, result in done.items()} == dict.fromkeys(done, 0), done
    assert f"profile: small ({BOX_MB}MB of memory)" in done["plan"].stderr
    assert re.search(r"^triggerer +sleeping", done["status"].stdout, re.MULTILINE)
    wait_until(lambda: fleet.component("dag-processor").state is State.SLEEPING, 60.0, "the dag-processor sleeps")
    assert (box.killed, box.swapped_bytes) == (0, 0)


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
@pytest.mark.parametrize("box", [DEMO_MB], indirect=True)
def test_the_demonstration_runs_to_its_end_in_it(box: MemoryGroup, demo: Demo) -> None:
    ran = demo.fleet.run(box.within(demo.argv("start")), DEMO_SECONDS)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert (box.killed, box.swapped_bytes) == (0, 0)
    assert list((demo.root / "build" / "demo" / "results").rglob("*.parquet"))
    assert {component.restarts for component in demo.fleet.snapshot().components} == {0}
