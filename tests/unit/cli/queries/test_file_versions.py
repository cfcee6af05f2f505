"""Commits of a project: their names, and what is said where there are none."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from airfleet.cli.queries import file_versions
from airfleet.errors import FleetError

IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b.example")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("a")
    for words in (("init", "-q"), ("add", "."), (*IDENTITY, "commit", "-q", "-m", "one")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def test_a_folder_that_differs_from_its_commit_has_a_mark(repository: Path) -> None:
    head = file_versions.commit(repository, "HEAD")
    assert re.fullmatch("[0-9a-f]{40}", head)
    assert file_versions.commit_now(repository) == head
    (repository / "a.txt").write_text("b")
    assert file_versions.commit_now(repository) == f"{head}+"


def test_a_folder_without_git_has_no_commit(tmp_path: Path) -> None:
    assert file_versions.commit_now(tmp_path) == ""


def test_the_files_of_a_commit_are_there_for_a_while(repository: Path) -> None:
    (repository / "a.txt").write_text("b")
    with file_versions.project_at(repository, "HEAD") as folder:
        assert (folder / "a.txt").read_text() == "a"
    assert not folder.exists()


def test_a_commit_that_is_not_there_is_said(repository: Path) -> None:
    with pytest.raises(FleetError, match="git: Needed a single revision"):
        file_versions.commit(repository, "away")
