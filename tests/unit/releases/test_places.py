"""The places of releases on a host."""

from __future__ import annotations

from pathlib import Path

from airfleet.releases import fetcher
from airfleet.releases.places import Places
from support import release_trees


def test_a_tree_knows_the_places_around_it_and_a_copy_elsewhere_has_none(tmp_path: Path) -> None:
    places = Places(tmp_path / "releases")
    tree = places.tree(release_trees.make(places, {"pipelines/a.yaml": "a"}))
    assert Places.around(tree) == places
    assert Places.around(tree / "pipelines") is None
    assert Places.around(places.tree("0" * 64)) is None
    copy = tree.rename(tmp_path / "copy")
    assert Places.around(copy) is None


def test_all_releases_of_a_host_can_be_moved_with_the_link_of_the_live_one(tmp_path: Path) -> None:
    places = Places(tmp_path / "releases")
    digest = release_trees.make(places, {"pipelines/a.yaml": "a"})
    fetcher.activate(places, digest)
    moved = Places(places.root.rename(tmp_path / "moved"))
    assert moved.live.resolve() == moved.tree(digest).resolve()
    assert (moved.live / "pipelines" / "a.yaml").read_text() == "a"


def test_no_two_places_are_one(tmp_path: Path) -> None:
    places = Places(tmp_path)
    named = (
        places.objects, places.partial, places.trees, places.live, places.live_draft, places.environments,
        places.building, places.cache,
    )  # fmt: skip
    assert len(set(named)) == len(named)
    assert {place.parent for place in named} == {tmp_path}
