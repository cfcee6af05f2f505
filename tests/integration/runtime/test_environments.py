"""Each release has its own Python: it is built once on a host, and attempts of the release run in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.releases.environments import layout
from airfleet.releases.environments.preparation import prepare
from airfleet.releases.places import MANIFEST, Places
from airfleet.system.procfs import is_alive
from support import attempts_in_environments, parses_in_environments
from support.wheels import lock_of, make_wheel, write_lock

PIPELINE = """\
dag_id: library
schedule: null
tasks:
  - {{id: tell, uses: "tells:tell", with: {{file: "{file}"}}}}
"""
PYTHON = """\
import os
from pathlib import Path

import toylibrary
from airflow.sdk import DAG

with DAG("written", schedule=None, tags=[toylibrary.VERSION]):
    toylibrary.Tell(task_id="tell")
"""
DECLARED = """\
dag_id: declared
schedule: null
tasks:
  - {id: tell, uses: toylibrary.Tell}
"""
DIES = "# a dag of airflow\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
WAITS = (
    "# a dag of airflow\nimport os, time\nopen(__file__[:-2] + 'pid', 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
)
LIBRARY = """\
from airflow.sdk import BaseOperator

VERSION = "{version}"


class Tell(BaseOperator):
    pass
"""
TELLS = """\
import os
import sys

import toylibrary


def tell(file):
    with open(file, "w") as told:
        print(toylibrary.VERSION, sys.prefix, os.environ.get("AIRFLEET_SECRET"), file=told)
"""


def make_release(places: Places, name: str, told: Path, *versions: str) -> Path:
    """Make a release by hand, with an environment that has a version of the library for each of its files."""
    tree = places.tree(name)
    (tree / "pipelines").mkdir(parents=True)
    (tree / "tells.py").write_text(TELLS)
    (tree / MANIFEST).write_text("{}")
    table = {}
    for version in versions:
        text = PIPELINE.format(file=told / f"{name}-{version}")
        (tree / "pipelines" / f"library-{version}.yaml").write_text(text)
        pin = make_wheel(
            tree / layout.WHEELS, "toylibrary", version, {"toylibrary.py": LIBRARY.format(version=version)}
        )
        table[f"pipelines/library-{version}.yaml"] = write_lock(tree, lock_of(pin))
    for name, text in {"written.py": PYTHON, "declared.yaml": DECLARED, "dies.py": DIES, "waits.py": WAITS}.items():
        (tree / "pipelines" / name).write_text(text)
    table[layout.OTHERS] = table[f"pipelines/library-{versions[0]}.yaml"]
    (tree / layout.TABLE).write_text(json.dumps(table))
    return tree


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="module")
def places(home: Path) -> Places:
    """Three environments: two of a release, one of another."""
    made = Places(home / "releases")
    for name, versions in {"a": ("1.0", "2.0"), "b": ("3.0",)}.items():
        prepare(made, make_release(made, name, home, *versions))
    return made


def run(places: Places, home: Path, *named: str) -> list[str]:
    """Run attempts of these files side by side in one worker's pool; return their states."""
    states: list[str] = told_by(attempts_in_environments.__name__, places, home, *named)
    return states


def parse(places: Places, home: Path, *words: str) -> list[dict[str, Any]]:
    """Parse files as a dag-processor; return what came of each."""
    found: list[dict[str, Any]] = told_by(parses_in_environments.__name__, places, home, *words)
    return found


def told_by(module: str, places: Places, home: Path, *words: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        env=attempts_in_environments.environ(places.root, home),
        capture_output=True, text=True, cwd=home, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_attempts_of_two_releases_and_two_environments_run_side_by_side_in_one_worker(
    places: Places, home: Path
) -> None:
    files = ("a/library-1.0.yaml", "a/library-2.0.yaml", "b/library-3.0.yaml")
    assert run(places, home, *files) == ["success"] * 3
    told = [(home / f"{one}").read_text().split() for one in ("a-1.0", "a-2.0", "b-3.0")]
    assert [words[0] for words in told] == ["1.0", "2.0", "3.0"]
    environments = {str(layout.environment_of(places.tree(file[0]) / "pipelines" / file[2:])) for file in files}
    assert {words[1] for words in told} == environments
    assert len(environments) == 3


def test_an_attempt_whose_environment_is_not_built_here_is_given_back(tmp_path: Path) -> None:
    places = Places(tmp_path / "releases")
    make_release(places, "a", tmp_path, "1.0")
    assert run(places, tmp_path, "a/library-1.0.yaml") == [
        "the Python environment of its release is not built on this host"
    ]
    assert not (tmp_path / "a-1.0").exists()


def test_files_are_parsed_by_the_python_of_their_release(places: Places, home: Path) -> None:
    files = [places.tree(release) / "pipelines" / name for release in "ab" for name in ("written.py", "declared.yaml")]
    found = parse(places, home, *map(str, files))
    dags = [["written", ["1.0"]]], [["declared", []]], [["written", ["3.0"]]], [["declared", []]]
    assert [one["dags"] for one in found] == list(dags)
    assert [one["errors"] for one in found] == [{}] * 4
    assert all(one["through"] for one in found)
    assert str(files[1].parent / "defaults.yaml") in found[1]["taken in"]


def test_a_file_that_kills_its_process_is_told_so_and_the_next_one_is_parsed(places: Places, home: Path) -> None:
    folder = places.tree("a") / "pipelines"
    dead, well = parse(places, home, str(folder / "dies.py"), str(folder / "written.py"))
    assert "was killed (SIGKILL) before it had given its Dags." in dead["misfortune"]
    assert well["dags"] == [["written", ["1.0"]]]


@pytest.mark.long
def test_a_process_of_an_environment_ends_when_its_stand_in_is_killed(places: Places, home: Path) -> None:
    file = places.tree("a") / "pipelines" / "waits.py"
    (found,) = parse(places, home, "kill", str(file))
    assert "was killed (SIGKILL)" in found["misfortune"]
    pid = int(file.with_suffix(".pid").read_text())
    wait_until(lambda: not is_alive(pid), 10, "the process that parsed it has ended")


def test_a_file_whose_environment_is_not_built_here_is_an_error_that_says_so(tmp_path: Path) -> None:
    places = Places(tmp_path / "releases")
    tree = make_release(places, "a", tmp_path, "1.0")
    (found,) = parse(places, tmp_path, str(tree / "pipelines" / "written.py"))
    assert "The Python environment of this release does not run here: " in found["misfortune"]
