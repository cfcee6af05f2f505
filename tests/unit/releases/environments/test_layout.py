"""The environment of a pipeline file is found in its release, whichever way leads there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airfleet.releases.environments import folders, layout
from airfleet.releases.places import MANIFEST, Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "releases")


def make(places: Places, name: str, table: dict[str, str] | None) -> Path:
    tree = places.tree(name)
    (tree / "pipelines").mkdir(parents=True)
    (tree / MANIFEST).write_text("{}")
    if table is not None:
        (tree / layout.FOLDER).mkdir()
        (tree / layout.TABLE).write_text(json.dumps(table))
    return tree / "pipelines"


def test_a_file_has_its_own_environment_or_that_of_all_others(places: Places) -> None:
    pipelines = make(places, "a", {"": "usual", "pipelines/ml.yaml": "own"})
    assert layout.environment_of(pipelines / "ml.yaml") == places.environment("own")
    assert layout.environment_of(pipelines / "deep/other.py") == places.environment("usual")


def test_a_link_to_the_live_release_leads_to_its_environment(places: Places) -> None:
    make(places, "a", {"": "usual"})
    places.live.symlink_to(Path("trees", "a"))
    assert layout.environment_of(places.live / "pipelines/x.yaml") == places.environment("usual")


def test_files_without_an_environment_have_none(places: Places, tmp_path: Path) -> None:
    assert layout.environment_of(make(places, "plain", None) / "x.yaml") is None
    assert layout.environment_of(make(places, "some", {"pipelines/ml.yaml": "own"}) / "x.yaml") is None
    assert layout.environment_of(tmp_path / "pipelines/x.yaml") is None
    elsewhere = tmp_path / "fetched"
    make(places, "a", {"": "usual"}).parent.rename(elsewhere)
    assert layout.environment_of(elsewhere / "pipelines/x.yaml") is None


def test_environments_that_no_release_here_names_are_removed(places: Places) -> None:
    make(places, "a", {"": "used"})
    for name in ("used", "unused"):
        (places.environment(name) / "bin").mkdir(parents=True)
    assert folders.collect(places) == ("unused",)
    assert [one.name for one in places.environment("any").parent.iterdir()] == ["used"]
    assert folders.collect(Places(places.root / "elsewhere")) == ()
