"""Files that a pipeline names or takes in: inside the project, bounded, each content read once, each with its stamp."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.pipelines.files import shared_files
from airfleet.pipelines.files.shared_files import NamedText, NotTaken, OfOneFile, SharedFile, SharedFiles
from airfleet.task_process.side_effects import observed


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


# --- shared files


@pytest.fixture
def layered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "fleet.yaml").write_text("")
    (tmp_path / "pipelines" / "team").mkdir(parents=True)
    (tmp_path / "defaults.yaml").write_text("tags: [a]\n")
    (tmp_path / "pipelines" / "team" / "defaults.yaml").write_text("tags: [b]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(files: tuple[SharedFile, ...]) -> list[str]:
    return [file.name for file in files]


@pytest.mark.parametrize("where", [".", "pipelines", "pipelines/team"])
def test_defaults_are_found_from_the_projects_folder_down(
    where: str, layered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(where)
    file = os.path.relpath(layered / "pipelines" / "team" / "p.yaml")
    found = names(OfOneFile(SharedFiles()).defaults_above(file))
    assert found == [os.path.relpath(layered / name) for name in ("defaults.yaml", "pipelines/team/defaults.yaml")]
    absolute = names(OfOneFile(SharedFiles()).defaults_above(str(layered / "pipelines" / "p.yaml")))
    assert absolute == [str(layered / "defaults.yaml")]


def test_a_project_without_a_fleet_file_is_the_folder_above_pipelines(layered: Path) -> None:
    (layered / "fleet.yaml").unlink()
    assert names(OfOneFile(SharedFiles()).defaults_above("pipelines/p.yaml")) == ["defaults.yaml"]
    assert names(OfOneFile(SharedFiles()).defaults_above("pipelines/team/p.yaml")) == ["pipelines/team/defaults.yaml"]


def test_the_same_content_is_read_once_and_another_one_again(layered: Path) -> None:
    files = SharedFiles()
    [first, _] = OfOneFile(files).defaults_above("pipelines/team/p.yaml")
    [again, _] = OfOneFile(files).defaults_above("pipelines/team/q.yaml")
    assert first is again
    Path("defaults.yaml").write_text("tags: [other]\n")
    [third, _] = OfOneFile(files).defaults_above("pipelines/team/q.yaml")
    assert third is not first
    assert sorted(files.names()) == ["defaults.yaml", "pipelines/team/defaults.yaml"]


def test_everything_that_was_looked_for_has_its_stamp(layered: Path) -> None:
    one = OfOneFile(SharedFiles())
    one.defaults_above("pipelines/team/p.yaml")
    assert isinstance(one.named("_nope.yaml", "pipelines/team/p.yaml", "pipelines/team/p.yaml"), NotTaken)
    there = {os.path.normpath(name) for name, stamp in one.stamps.items() if stamp is not None}
    absent = {os.path.normpath(name) for name, stamp in one.stamps.items() if stamp is None}
    assert there == {str(layered / "defaults.yaml"), str(layered / "pipelines/team/defaults.yaml")}
    assert absent == {str(layered / "pipelines/defaults.yaml"), str(layered / "pipelines/team/_nope.yaml")}


def test_a_pipe_is_not_opened(layered: Path) -> None:
    os.mkfifo("pipelines/defaults.yaml")
    [_, pipe, _] = OfOneFile(SharedFiles()).defaults_above("pipelines/team/p.yaml")
    assert [problem.sentence for problem in pipe.problems] == ["this is a named pipe, not a file"]


@pytest.mark.parametrize("changed", ["defaults.yaml", "pipelines/defaults.yaml", "pipelines/_t.yaml", "day.sh"])
def test_a_load_that_is_observed_depends_on_shared_files(changed: str, layered: Path) -> None:
    Path("pipelines/_t.yaml").write_text("templates: {t: {uses: bash, with: {bash_command: {$f: ../day.sh}}}}\n")
    Path("day.sh").write_text("ls\n")
    file = Path("pipelines/team/p.yaml")
    file.write_text("dag_id: d\ninclude: ../_t.yaml\ntasks: [{id: a, extends: t}]\n")
    checked, observation = observed(lambda: read_and_check(file, environ={}))
    assert checked.problems == ()
    assert observation.holds()
    Path(changed).write_text("tags: [changed]\n")
    assert not observation.holds()
    assert str(layered / changed) in map(os.path.normpath, checked.taken_in)
