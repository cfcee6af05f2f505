"""A release with one pipeline more."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.cli.commands.releases.added_pipeline import AddedPipeline, with_pipeline
from airfleet.client.project import Project
from airfleet.errors import FleetError
from airfleet.releases import tree
from support.release_folders import project as folder


def added(root: Path, name: str = "drill.yaml") -> Path:
    """Write the file that is added."""
    file = root / name
    file.write_text("dag_id: drill\n")
    return file


def test_the_release_has_all_files_of_the_one_before_and_the_pipeline_among_its_own(tmp_path: Path) -> None:
    before = tree.read(folder(tmp_path / "project", {"shop/steps.py": "x = 1\n"})).manifest
    file = added(tmp_path)
    made = with_pipeline(before, file)
    assert [one.path for one in made.manifest.files] == [
        "pipelines/drill.yaml",
        "pipelines/hello.yaml",
        "shop/steps.py",
    ]
    assert set(before.files) < set(made.manifest.files)
    assert {made.path_of(one) for one in made.manifest.files if one.path == "pipelines/drill.yaml"} == {file}
    assert made.manifest.environments == before.environments


def test_a_file_that_the_release_has_is_not_replaced(tmp_path: Path) -> None:
    before = tree.read(folder(tmp_path / "project")).manifest
    with pytest.raises(FleetError, match=r"has a file pipelines/hello\.yaml already\nhint: airfleet push"):
        with_pipeline(before, added(tmp_path, "hello.yaml"))


def test_nothing_is_taken_away_that_was_not_put(project: Project) -> None:
    place = AddedPipeline(project, "drill.yaml", "a drill", 1.0)
    place.take_away()
    assert place.left() == ""
