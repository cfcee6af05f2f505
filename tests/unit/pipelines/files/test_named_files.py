"""Paths that a file of the project names lead to files of the project alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.files.named_files import absent, located, outside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "pipelines" / "sql").mkdir(parents=True)
    (project / "fleet.yaml").write_text("")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.sql").write_text("")
    (project / "pipelines" / "out").symlink_to(tmp_path / "elsewhere")
    (project / "link").symlink_to(project / "pipelines")
    return project


#: a path, and what it leads to in the project
PATHS = [
    ("sql/x.sql", "pipelines/sql/x.sql"),
    ("../sql/x.sql", "sql/x.sql"),
    ("/sql/x.sql", "sql/x.sql"),
    ("//sql/x.sql", "sql/x.sql"),
    ("sql/../x.sql", "pipelines/x.sql"),
    ("../link/x.sql", "pipelines/x.sql"),
    (".", "pipelines"),
    ("../../x.sql", None),
    ("/../x.sql", None),
    ("out/x.sql", None),
    ("../../project2/x.sql", None),
]


@pytest.mark.parametrize(("written", "leads_to"), PATHS)
def test_a_path_leads_to_a_file_of_the_project(written: str, leads_to: str | None, root: Path) -> None:
    found = located(written, str(root / "pipelines" / "p.yaml"), root)
    assert found == (None if leads_to is None else root / leads_to)


def test_beside_a_file_in_a_linked_folder_is_inside(root: Path) -> None:
    found = located("x.sql", str(root / "pipelines" / "out" / "p.yaml"), root)
    assert found == root.parent / "elsewhere" / "x.sql"


def test_paths_are_found_from_where_we_are(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "pipelines")
    assert located("sql/x.sql", "p.yaml", root) == root / "pipelines" / "sql" / "x.sql"
    assert located("../../x", "p.yaml", root) is None


def test_the_way_out_is_said_where_the_project_is_one_folder(root: Path) -> None:
    assert outside("../x", root) == ("'../x' lies outside the project", None)
    assert outside("../x", root / "pipelines")[1] == (
        "a fleet.yaml in a folder above makes all of that folder the project"
    )


def test_a_near_name_is_written_as_the_path_was() -> None:
    assert absent("../sql/dya.sql", Path("/p/sql/dya.sql"), lambda name: "day.sql") == (
        "there is no file '../sql/dya.sql'",
        "did you mean '../sql/day.sql'?",
    )
    assert absent("x", Path("/p/x"), lambda name: None) == ("there is no file 'x'", None)
