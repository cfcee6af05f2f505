"""Which files of a folder count, and what is said of the others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airfleet.pipelines.files import listing
from airfleet.pipelines.files.listing import Listing, Rules
from airfleet.releases.places import Places
from support import release_trees


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pipelines").mkdir()
    monkeypatch.chdir(tmp_path)
    return Path("pipelines")


def write(folder: Path, *names: str, text: str = "dag_id: a\n") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def found(listed: Listing, folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in (*listed.pipelines, *listed.python, *listed.archives)]


def test_names_that_count(folder: Path) -> None:
    write(folder, "b.yaml", "a.yml", "sub/c.yaml", "x.zip", "P.YAML", "p.txt")
    write(
        folder,
        "defaults.yaml",
        "sub/defaults.yaml",
        "_shared.yaml",
        ".hidden.yaml",
        "fleet.yaml",
        "_no/d.yaml",
        ".git/e.yaml",
    )
    write(folder, "x.py", "_y.py", "_no/z.py", "Q.PY", ".venv/no.py", "__pycache__/no.py", text="import airflow # Dag")
    write(folder, "asset.py", text="from AIRFLOW.sdk import Asset")
    write(folder, "helper.py", text="import airflow")
    listed = listing.of(folder)
    assert found(listed, folder) == [
        *("a.yml", "b.yaml", "sub/c.yaml"),
        *("Q.PY", "_no/z.py", "_y.py", "asset.py", "x.py"),
        "x.zip",
    ]
    shared = [str(path.relative_to(folder)) for path in listed.shared]
    assert shared == ["_no/d.yaml", "_shared.yaml", "defaults.yaml", "sub/defaults.yaml"]
    assert listed.without_dags == (folder / "helper.py",)
    assert listed.other_case == (folder / "P.YAML",)
    assert (listed.problems, listed.remarks) == ((), ())
    assert folder / "helper.py" in listing.of(folder, Rules(safe_mode=False)).python


def test_links_lead_to_each_real_folder_and_file_once(folder: Path) -> None:
    write(folder, "team/a.yaml", "z/b.yaml")
    write(folder.parent, "outside/c.yaml", "outside/sub/d.yaml")
    for name, target in {
        "loop1": ".",
        "loop2": "../pipelines",
        "a_first": "z",
        "team/up": "../..",
        "root": "/",
        "shared": "../outside",
        "again": "../outside/sub",
        "copy.yaml": "team/a.yaml",
    }.items():
        (folder / name).symlink_to(target)
    (folder.parent / "outside" / "back").symlink_to("../..")
    os.link(folder / "team" / "a.yaml", folder / "team" / "hard.yaml")
    listed = listing.of(folder)
    assert found(listed, folder) == ["again/d.yaml", "shared/c.yaml", "team/a.yaml", "z/b.yaml"]
    assert listed.problems == ()
    assert [str(remark) for remark in listed.remarks] == [
        "pipelines/a_first:1:1: this is the same folder as z, whose files count once",
        "pipelines/copy.yaml:1:1: this is the same file as team/a.yaml, which counts once",
        "pipelines/loop1:1:1: this is the same folder as pipelines itself, whose files count once",
        "pipelines/loop2:1:1: this is the same folder as pipelines itself, whose files count once",
        "pipelines/root:1:1: the link leads to a folder above, and is not followed",
        "pipelines/shared/back:1:1: the link leads to a folder above, and is not followed",
        "pipelines/shared/sub:1:1: this is the same folder as again, whose files count once",
        "pipelines/team/hard.yaml:1:1: this is the same file as team/a.yaml, which counts once",
        "pipelines/team/up:1:1: the link leads to a folder above, and is not followed",
    ]


def test_a_folder_that_is_itself_a_link_is_read(folder: Path) -> None:
    write(folder, "a.yaml")
    Path("link").symlink_to("pipelines")
    assert listing.of(Path("link")).pipelines == (Path("link/a.yaml"),)


def test_what_is_no_regular_file_is_a_problem_and_the_rest_counts(folder: Path) -> None:
    write(folder, "a.yaml", "d.yaml/inside.yaml")
    os.mkfifo(folder / "fifo.yaml")
    os.mkfifo(folder / "fifo.py")
    os.mkfifo(folder / "fifo.txt")
    (folder / "gone.yaml").symlink_to("nowhere")
    (folder / "self.zip").symlink_to("self.zip")
    (folder / "null.yml").symlink_to("/dev/null")
    (folder / "gone").symlink_to("nowhere")
    listed = listing.of(folder)
    assert found(listed, folder) == ["a.yaml", "d.yaml/inside.yaml"]
    assert [str(problem) for problem in listed.problems] == [
        "pipelines/fifo.py:1:1: this is a named pipe, not a file",
        "pipelines/fifo.yaml:1:1: this is a named pipe, not a file",
        "pipelines/gone.yaml:1:1: the link leads to nothing",
        "pipelines/null.yml:1:1: this is a device, not a file",
        "pipelines/self.zip:1:1: the link leads to itself",
    ]


def test_a_folder_that_cannot_be_read_is_a_problem_and_the_rest_counts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "a.yaml", "secret/b.yaml", "z/c.yaml")
    scandir = os.scandir

    def refuse(path: Path) -> object:  # root may read whatever its mode says
        if Path(path).name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    listed = listing.of(folder)
    assert found(listed, folder) == ["a.yaml", "z/c.yaml"]
    assert [str(problem) for problem in listed.problems] == [
        "pipelines/secret:1:1: the folder cannot be read: permission denied"
    ]


def test_paths_that_airflows_database_cannot_hold_are_problems(folder: Path) -> None:
    (folder / os.fsdecode(b"\xe9.yaml")).write_text("")
    long = folder / Path(*["d" * 200] * 10)
    write(long, "long.yaml")
    length = len(str((long / "long.yaml").absolute()))
    assert [problem.sentence for problem in listing.of(folder).problems] == [
        f"the path of this file has {length} characters; Airflow takes 2000",
        "the path of this file is not UTF-8 text",
    ]


def test_folders_may_be_nested_as_deeply_as_the_system_allows(folder: Path) -> None:
    deep = folder / Path(*["d"] * 900)
    write(deep, "a.yaml")
    assert listing.of(folder).pipelines == (deep / "a.yaml",)


def test_a_walk_has_an_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_ENTRIES", 5)
    write(folder, *(f"{name}/p.yaml" for name in "abcdefgh"))
    listed = listing.of(folder)
    assert listed.pipelines == ()
    assert [str(problem) for problem in listed.problems] == [
        "pipelines:1:1: there are more than 5 files and folders here; the others are not looked at\n"
        "hint: name some in .airflowignore"
    ]


def test_the_names_change_when_files_come_and_go_and_when_more_is_ignored(folder: Path) -> None:
    write(folder, "a.yaml", "old/b.yaml")
    before = listing.names(folder)
    assert before == {"pipelines/a.yaml", "pipelines/old/b.yaml"}
    write(folder, "a.yaml", text="something else")
    assert listing.names(folder) == before
    (folder / ".airflowignore").write_text("old\n")
    assert listing.names(folder) == {"pipelines/a.yaml"}


def test_an_ignore_file_above_holds_in_a_folder_and_for_a_file(folder: Path) -> None:
    (folder / ".airflowignore").write_text("old/\nsub/b.yaml\n")
    write(folder, "sub/a.yaml", "sub/b.yaml", "sub/old/c.yaml", "old/d.yaml")
    assert found(listing.of(folder / "sub", root=folder), folder) == ["sub/a.yaml"]
    assert found(listing.of(folder / "sub", root=folder.absolute()), folder) == ["sub/a.yaml"]
    assert found(listing.of(folder / "sub"), folder) == ["sub/a.yaml", "sub/b.yaml", "sub/old/c.yaml"]
    names = ("sub/a.yaml", "sub/b.yaml", "sub/old/c.yaml", "old/d.yaml")
    assert [listing.is_left_out(folder / name, folder) for name in names] == [False, True, True, True]


def test_tests_of_pipelines_are_no_pipelines(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "a.test.yaml", "tests/b.test.yml", "_no/c.test.yaml", "left.test.yaml", "test.yaml")
    (tmp_path / ".airflowignore").write_text("left.*\n")
    listed = listing.of(tmp_path)
    assert found(listed, tmp_path) == ["a.yaml", "test.yaml"]
    assert [str(path.relative_to(tmp_path)) for path in listed.tests] == ["a.test.yaml", "tests/b.test.yml"]
    assert not any("b.test" in name for name in listing.names(tmp_path))


def test_equal_files_of_a_release_are_one_inode_and_count_each(tmp_path: Path) -> None:
    places = Places(tmp_path)
    tree = places.tree(
        release_trees.make(places, {"pipelines/a.py": "", "pipelines/b.yaml": "", "pipelines/c.yml": ""})
    )
    (tree / "pipelines" / "link.yaml").symlink_to("b.yaml")
    listed = listing.of(tree / "pipelines", Rules(safe_mode=False))
    assert found(listed, tree / "pipelines") == ["b.yaml", "c.yml", "a.py"]
