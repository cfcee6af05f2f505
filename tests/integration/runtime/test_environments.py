"""Each release has its own Python: it is built once on a host, and attempts of the release run in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from airfleet.releases.environments import layout
from airfleet.releases.environments.preparation import prepare
from airfleet.releases.places import MANIFEST, Places
from support import attempts_in_environments
from support.wheels import lock_of, make_wheel, write_lock

PIPELINE = """\
dag_id: library
schedule: null
tasks:
  - {{id: tell, uses: "tells:tell", with: {{file: "{file}"}}}}
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
        pin = make_wheel(tree / layout.WHEELS, "toylibrary", version, {"toylibrary.py": f"VERSION = '{version}'\n"})
        table[f"pipelines/library-{version}.yaml"] = write_lock(tree, lock_of(pin))
    (tree / layout.TABLE).write_text(json.dumps(table))
    return tree


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "releases")


def run(places: Places, home: Path, *named: str) -> list[str]:
    """Run attempts of these files side by side in one worker's pool; return their states."""
    done = subprocess.run(
        [sys.executable, "-m", attempts_in_environments.__name__, *named],
        env=attempts_in_environments.environ(places.root, home),
        capture_output=True, text=True, cwd=home, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    states: list[str] = json.loads(done.stdout.splitlines()[-1])
    return states


def test_attempts_of_two_releases_and_two_environments_run_side_by_side_in_one_worker(
    places: Places, tmp_path: Path
) -> None:
    for name, versions in {"a": ("1.0", "2.0"), "b": ("3.0",)}.items():
        prepare(places, make_release(places, name, tmp_path, *versions))
    files = ("a/library-1.0.yaml", "a/library-2.0.yaml", "b/library-3.0.yaml")
    assert run(places, tmp_path, *files) == ["success"] * 3
    told = [(tmp_path / f"{one}").read_text().split() for one in ("a-1.0", "a-2.0", "b-3.0")]
    assert [words[0] for words in told] == ["1.0", "2.0", "3.0"]
    environments = {str(layout.environment_of(places.tree(file[0]) / "pipelines" / file[2:])) for file in files}
    assert {words[1] for words in told} == environments
    assert len(environments) == 3


def test_an_attempt_whose_environment_is_not_built_here_is_given_back(places: Places, tmp_path: Path) -> None:
    make_release(places, "a", tmp_path, "1.0")
    assert run(places, tmp_path, "a/library-1.0.yaml") == [
        "the Python environment of its release is not built on this host"
    ]
    assert not (tmp_path / "a-1.0").exists()
