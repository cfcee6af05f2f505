"""A bundle is its folder, until there is a live release; from then on it has versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.dag_processing.bundles.base import BundleVersion

from airfleet.pipelines.airflow.bundle import PipelineBundle, ReleaseNotHere
from airfleet.pipelines.files.project_files import project_root
from airfleet.releases.places import Places
from support import release_trees


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "releases")


def bundle(places: Places, version: str | None = None) -> PipelineBundle:
    return PipelineBundle(name="b", path=str(places.root.parent / "flows"), releases=str(places.root), version=version)


def test_without_a_live_release_it_is_the_folder(places: Places) -> None:
    made = bundle(places)
    assert made.path == places.root.parent / "flows"
    assert not made.supports_versioning
    assert made.get_current_version() is None
    assert not made.follow()


def test_a_folder_becomes_a_release_when_it_follows_and_not_while_airflow_refreshes_it(
    places: Places,
) -> None:
    made, digest = bundle(places), release_trees.make(places, {"flows/a.yaml": "a"}, "flows")
    release_trees.go_live(places, digest)
    made.refresh()
    assert not made.supports_versioning
    assert made.follow()
    assert not made.follow()
    assert made.supports_versioning
    assert made.path == places.tree(digest) / "flows"
    assert made.get_current_version() == BundleVersion(digest)


def test_a_release_moves_to_the_next_one_and_a_version_does_not(places: Places) -> None:
    one, two = (release_trees.make(places, {"dags/a.yaml": text}, "dags") for text in "ab")
    release_trees.go_live(places, one)
    newest, pinned = bundle(places), bundle(places, one)
    release_trees.go_live(places, two)
    for made in (newest, pinned):
        made.initialize()
        made.refresh()
    assert (newest.path, pinned.path) == (places.tree(two) / "dags", places.tree(one) / "dags")
    places.live.unlink()
    newest.refresh()
    assert newest.path == places.tree(two) / "dags"


def test_a_version_that_is_not_here_is_a_sentence(places: Places) -> None:
    made = bundle(places, "f" * 64)
    assert not made.has("f" * 64)
    assert not made.path.exists()
    with pytest.raises(ReleaseNotHere, match=f"^release {'f' * 64} is not on this host$"):
        made.initialize()


def test_a_folder_that_was_given_no_places_has_no_versions(tmp_path: Path) -> None:
    made = PipelineBundle(name="b", path=str(tmp_path), version="f" * 64)
    made.initialize()
    assert made.path == tmp_path
    assert not made.supports_versioning


def test_modules_of_a_release_are_imported_from_its_root(places: Places) -> None:
    tree = places.tree(release_trees.make(places, {"flows/deep/a.yaml": "a"}, "flows"))
    assert project_root(tree / "flows" / "deep" / "a.yaml") == tree
