"""Texts and patterns that a pipeline names: inside the project, bounded, each read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.files import shared_files
from airfleet.pipelines.files.shared_files import NamedText, NotTaken, OfOneFile, SharedFiles


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    for name in ("jobs/b.yaml", "jobs/a.yaml", "jobs/.hidden.yaml", "jobs/c.csv", "fleet.yaml", "pipelines/p.yaml"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    (tmp_path / "outside.txt").write_text("no")
    (project / "link.txt").symlink_to(tmp_path / "outside.txt")
    (project / "latin.txt").write_bytes(b"a\n\xff")
    return project


def text(written: str, project: Path, library: OfOneFile | None = None) -> NamedText | NotTaken:
    file = str(project / "pipelines" / "p.yaml")
    return (library or OfOneFile(SharedFiles())).text(written, file, file)


def matching(pattern: str, project: Path) -> tuple[str, ...] | NotTaken:
    file = str(project / "pipelines" / "p.yaml")
    return OfOneFile(SharedFiles()).matching(pattern, file, file)


@pytest.mark.parametrize("written", ["../jobs/a.yaml", "/jobs/a.yaml"])
def test_a_path_begins_beside_the_file_or_at_the_project(written: str, project: Path) -> None:
    assert text(written, project) == NamedText(str(project / "jobs" / "a.yaml"), "jobs/a.yaml")


def test_a_pattern_finds_files_in_order(project: Path) -> None:
    assert matching("../jobs/*.yaml", project) == ("../jobs/a.yaml", "../jobs/b.yaml")
    assert matching("/jobs/[a-c].*", project) == ("/jobs/a.yaml", "/jobs/b.yaml", "/jobs/c.csv")
    assert matching("*.csv", project) == ()


@pytest.mark.parametrize(
    ("written", "sentence", "hint"),
    [
        ("gone.txt", "there is no file 'gone.txt'", None),
        ("../jobs/c.cvs", "there is no file '../jobs/c.cvs'", "did you mean '../jobs/c.csv'?"),
        ("../jobs", "'../jobs': this is a folder, not a file", None),
        ("../../outside.txt", "'../../outside.txt' lies outside the project", None),
        ("../link.txt", "'../link.txt' lies outside the project", None),
        ("a\0b", "'a\0b' is not the name of a file", None),
        ("../latin.txt", "'../latin.txt': the file is not UTF-8 text (byte 0xFF here)", "save it as UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read(written: str, sentence: str, hint: str | None, project: Path) -> None:
    assert text(written, project) == NotTaken(sentence, hint)


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("*/a.yaml", "'*/a.yaml' has a '*' in the name of a folder"),
        ("../../*.txt", "'../../' lies outside the project"),
        ("gone/*.yaml", "there is no folder 'gone'"),
    ],
)
def test_a_pattern_that_cannot_be_searched(pattern: str, sentence: str, project: Path) -> None:
    found = matching(pattern, project)
    assert isinstance(found, NotTaken)
    assert found.sentence == sentence


def test_a_file_is_read_once_and_all_together_are_bounded(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_files, "MAX_MEGABYTES_TOGETHER", 15 / 1e6)
    library = OfOneFile(SharedFiles())
    assert text("../jobs/a.yaml", project, library) == text("./../jobs/a.yaml", project, library)
    found = text("../jobs/b.yaml", project, library)
    assert isinstance(found, NotTaken)
    assert found.sentence.startswith("with '../jobs/b.yaml', the files that this one names have more than")


def test_what_was_looked_for_is_known_with_its_stamp(project: Path) -> None:
    library = OfOneFile(SharedFiles())
    file = str(project / "pipelines" / "p.yaml")
    text("../jobs/a.yaml", project, library)
    text("gone.txt", project, library)
    library.matching("../jobs/*.yaml", file, file)
    assert {Path(path).name: seen is None for path, seen in library.stamps.items()} == {
        "a.yaml": False,
        "gone.txt": True,
        "jobs": False,
    }
