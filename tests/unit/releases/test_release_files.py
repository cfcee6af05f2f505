"""What the tree of a release says of itself."""

from __future__ import annotations

from pathlib import Path

from airfleet.releases import release_files
from airfleet.releases.places import Places
from support import release_trees


def digest(tree: Path, *files: str) -> str:
    return release_files.digest(tree, [str(tree / file) for file in files])


def test_a_tree_names_its_folder_of_pipelines_and_what_is_no_tree_names_none(tmp_path: Path) -> None:
    places = Places(tmp_path)
    tree = places.tree(release_trees.make(places, {"flows/a.yaml": "a"}, "flows"))
    assert release_files.pipelines(tree) == "flows"
    assert release_files.pipelines(places.tree("0")) is None
    assert release_files.tree_of(tree / "flows" / "a.yaml") == tree
    assert release_files.tree_of(tmp_path / "a.yaml") is None


def test_equal_files_of_two_releases_have_one_digest_and_another_content_has_another(tmp_path: Path) -> None:
    places = Places(tmp_path)
    one, two = (
        places.tree(release_trees.make(places, {"pipelines/a.yaml": "a", "pipelines/b.yaml": b, "c.py": "c"}))
        for b in ("one", "two")
    )
    assert digest(one, "pipelines/a.yaml", "c.py") == digest(two, "c.py", "pipelines/a.yaml", "c.py")
    assert digest(one, "pipelines/b.yaml") != digest(two, "pipelines/b.yaml")
    assert digest(one, "pipelines/a.yaml") != digest(one, "pipelines/a.yaml", "defaults.yaml")
    assert release_files.digest(one, [str(one / "c.py"), "/elsewhere/d.py"]) == digest(one, "c.py")
