"""Where a project begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.files import project_root


@pytest.mark.parametrize(
    ("made", "file", "root"),
    [
        (["fleet.yaml"], "pipelines/deep/p.yaml", "."),
        (["fleet.yaml", "team/fleet.yaml"], "team/pipelines/p.yaml", "team"),
        ([], "team/pipelines/p.yaml", "team"),
        ([], "team/other/p.yaml", "team/other"),
    ],
)
def test_the_root_of_a_project(made: list[str], file: str, root: str, tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    for name in made:
        (tmp_path / name).write_text("")
    assert project_root(tmp_path / file) == tmp_path / root
