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
from pathlib import Path

import pytest
from scripts import demo

from airfleet.agent.states import State
from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from airfleet.zygote import immortal_objects
from support import memory_groups
from support.memory_groups import MemoryGroup
from support.pipelines import HELLO

REPOSITORY = Path(__file__).parents[3]
EXAMPLE = REPOSITORY / "examples" / "air_quality"
#: of the machine: for one small pipeline, and for the demonstration, whose tasks load DuckDB and matplotlib; a Python
#: that counts the references of all objects needs more
BOX_MB, DEMO_MB = (450, 450) if immortal_objects.are_possible() else (530, 620)
PAGE = REPOSITORY / "docs" / "how-to" / "small-server.md"
#: for the demonstration, on two cores that others use as well
DEMO_SECONDS = 280.0

#: an installation as people have it, made by `make test-python`: a fleet would load tools of development, too
USERS = REPOSITORY / ".venv-users" / "bin" / "python"
COMMAND = [str(USERS) if immortal_objects.are_possible() and USERS.exists() else sys.executable, "-m", "airfleet.cli"]

pytestmark = pytest.mark.needs("root")


@pytest.fixture
def box(request: pytest.FixtureRequest) -> Iterator[MemoryGroup]:
    if why := memory_groups.obstacle():
        pytest.fail(f"{why}; as root of a machine, or in a container with its own control groups, they can")
    with memory_groups.limited("airfleet-box", request.param * 2**20) as group:
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
    done = {line[0]: fleet.run(box.within([*COMMAND, *line])) for line in words}
    assert {name: result.returncode for name, result in done.items()} == dict.fromkeys(done, 0), done
    assert f"profile: small ({BOX_MB}MB of memory)" in done["plan"].stderr
    assert re.search(r"^triggerer +sleeping", done["status"].stdout, re.MULTILINE)
    wait_until(lambda: fleet.component("dag-processor").state is State.SLEEPING, 60.0, "the dag-processor sleeps")
    assert (box.killed, box.swapped_bytes) == (0, 0)


# --- the demonstration --------------------------------------------------------------------------------------------


@pytest.fixture
def example(box: MemoryGroup) -> Iterator[FleetUnderTest]:
    """The fleet of the demonstration, in a folder of its own."""
    with FleetUnderTest.make("name: unused\n") as made:
        root = made.root.parent / "air_quality"
        shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns(".airfleet", "__pycache__"))
        fleet = FleetUnderTest(root, made.environ)
        try:
            yield fleet
        finally:
            fleet.remove()


@pytest.fixture
def publisher() -> Iterator[str]:
    """The address of a server of archives, which is not of the machine: where the publishers are otherwise."""
    command = [sys.executable, "-m", "air_quality.serve", "--dir", "data", "--port", "0", "--quiet"]
    with subprocess.Popen(command, cwd=EXAMPLE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.mark.parametrize("box", [DEMO_MB], indirect=True)
def test_the_demonstration_runs_to_its_end_in_it(
    box: MemoryGroup, example: FleetUnderTest, publisher: str, tmp_path: Path
) -> None:
    params = [f"source={publisher}", f"output={tmp_path}", "min_chunksize=1000"]
    given = [word for param in params for word in ("--param", param)]
    commands = [
        ["up", "--detach", "--wait"],
        *(["trigger", f"{job}_job", "--unpause", "--wait", *given] for job in demo.JOBS),
    ]
    for words in commands:
        ran = example.run(box.within([*COMMAND, *words]), DEMO_SECONDS)
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert (box.killed, box.swapped_bytes) == (0, 0)
    assert all(list((tmp_path / folder).rglob("*.parquet")) for folder in demo.JOBS.values())
    assert {component.restarts for component in example.snapshot().components} == {0}
