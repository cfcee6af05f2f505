"""Project folders as releases: the files that travel, and a sentence for each that cannot."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from airfleet.errors import FleetError
from airfleet.releases.tree import Limits, read
from support.lesser_rights import open_folder, without_root
from support.release_folders import project


def paths(root: Path) -> list[str]:
    found = read(root)
    assert [str(one) for one in found.problems] == []
    return [file.path for file in found.manifest.files]


def test_a_release_has_pipelines_modules_and_data_and_nothing_of_a_host(tmp_path: Path) -> None:
    files = ("shop/steps.py", "data/prices.csv", ".airfleet/secrets.json", ".git/HEAD", "shop/__pycache__/steps.pyc")
    more = ("fleet.prod.yaml", ".env", ".env.prod", ".venv/bin/python", "shop/fleet.yaml", "shop/steps.pyc")
    root = project(tmp_path, dict.fromkeys((*files, *more), ""))
    assert paths(root) == ["data/prices.csv", "pipelines/hello.yaml", "shop/fleet.yaml", "shop/steps.py"]


def test_ignore_files_count_at_every_depth_and_the_later_and_deeper_line_wins(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        {
            ".gitignore": "*.csv\n/build/\n",
            ".airfleetignore": "!keep.csv\nnotes/\n",
            "data/.gitignore": "!*.csv\nsecret.*\n",
            **dict.fromkeys(("a.csv", "keep.csv", "build/x.py", "notes/x.md", "data/a.csv", "data/secret.csv"), ""),
        },
    )
    assert [path for path in paths(root) if "ignore" not in path] == ["data/a.csv", "keep.csv", "pipelines/hello.yaml"]


def test_equal_folders_are_equal_releases_whatever_their_times_and_rights(tmp_path: Path) -> None:
    one, other = (project(tmp_path / name, {"run.sh": "true"}) for name in ("one", "other"))
    os.utime(other / "run.sh", (1, 1))
    (other / "run.sh").chmod(0o600)
    assert read(one).manifest == read(other).manifest
    (other / "run.sh").chmod(0o700)
    assert read(one).manifest.digest != read(other).manifest.digest


def _link(target: str) -> Callable[[Path], None]:
    return lambda place: place.symlink_to(target)


def _socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(place))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda place: os.mkfifo(place), "is a pipe, which cannot travel"),
        (_socket, "is a socket, which cannot travel"),
        (_link("/etc/hosts"), "the link leads out of the project, to /etc/hosts"),
        (_link("../../outside"), "the link leads to nothing: ../../outside"),
        (_link("odd"), "cannot be read: Too many levels of symbolic links"),
        (_link("fleet.yaml"), "the link leads to fleet.yaml, which never travels"),
        (_link("shop/.env"), "the link leads to shop/.env, which never travels"),
        (_link(".venv/lib/a.py"), "the link leads to .venv/lib/a.py, which never travels"),
        (_link("pipelines"), "the link leads to a folder, which would travel twice"),
        (lambda place: place.write_bytes(b"x" * 101), "has 0.0 MB, more than the 0.0 MB of a file"),
    ],
)
def test_a_file_that_cannot_travel_is_said_in_a_sentence(
    make: Callable[[Path], None], sentence: str, tmp_path: Path
) -> None:
    root = project(tmp_path, {"shop/.env": "KEY=1", ".venv/lib/a.py": ""})
    make(root / "odd")
    [problem] = read(root, limits=Limits(file_bytes=100)).problems
    assert (problem.place.file, problem.sentence) == ("odd", sentence)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("shop/steps.py", "shop/steps.py"),
        ("shop", "shop"),
        (".gitignore", ".gitignore"),
        ("shop/.airfleetignore", "shop/.airfleetignore"),
    ],
)
def test_a_file_or_folder_that_may_not_be_read_is_named_once_beside_all_others(path: str, named: str) -> None:
    with open_folder() as root:
        files = {"shop/steps.py": "", ".gitignore": "", "shop/.airfleetignore": ""}
        os.mkfifo(project(root, files) / "pipe")
        (root / path).chmod(0)
        with without_root():
            problems = read(root).problems
        (root / path).chmod(0o700)
    assert [(one.place.file, one.sentence) for one in problems if one.place.file != "pipe"] == [
        (named, "cannot be read: Permission denied")
    ]
    assert len(problems) == 2


def test_a_folder_whose_files_may_not_be_looked_at_names_each(tmp_path: Path) -> None:
    with open_folder() as root:
        project(root, {"shop/steps.py": ""})
        (root / "shop" / "link").symlink_to("steps.py")
        (root / "shop").chmod(0o444)
        with without_root():
            problems = read(root).problems
        (root / "shop").chmod(0o700)
    assert {(one.place.file, one.sentence) for one in problems} == {
        (path, "cannot be read: Permission denied") for path in ("shop/steps.py", "shop/link")
    }


def test_an_ignore_file_that_is_a_link_to_itself_is_named(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / ".gitignore").symlink_to(".gitignore")
    [problem] = read(root).problems
    assert problem.place.file == ".gitignore"


def test_a_line_of_an_ignore_file_that_is_no_pattern_leaves_nothing_out_as_for_git(tmp_path: Path) -> None:
    root = project(tmp_path, {".gitignore": "!\n*.csv\nodd\\\n", "a.csv": "", "odd": ""})
    assert paths(root) == [".gitignore", "odd", "pipelines/hello.yaml"]


def test_folders_are_entered_as_deep_as_a_path_may_be_long(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 60)
    root = project(tmp_path, {f"{deep}/steps.py": ""})
    [problem] = read(root, limits=Limits(path_bytes=100)).problems
    assert problem.sentence == "the path has more than 100 bytes"
    assert deep.startswith(problem.place.file)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda file: file.write_text("2"), "steps.py changed while it was pushed"),
        (lambda file: file.unlink(), "steps.py changed while it was pushed"),
        (lambda file: (file.unlink(), file.symlink_to("steps.py")), "steps.py cannot be read: Too many levels of"),
        (lambda file: (file.unlink(), file.mkdir()), "steps.py cannot be read: Is a directory"),
    ],
)
def test_a_file_that_is_another_one_when_it_is_sent_is_named(
    change: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    found = read(project(tmp_path, {"steps.py": "1"}))
    change(tmp_path / "steps.py")
    [file] = [one for one in found.manifest.files if one.path == "steps.py"]
    with pytest.raises(FleetError, match=f"^{sentence}"):
        list(found.content(file))


def test_a_link_inside_of_the_project_travels_as_its_file(tmp_path: Path) -> None:
    root = project(tmp_path, {"shop/steps.py": "x = 1\n"})
    (root / "steps.py").symlink_to("shop/steps.py")
    files = {file.path: file.digest for file in read(root).manifest.files}
    assert files["steps.py"] == files["shop/steps.py"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("pipelines/HELLO.yaml", "differs from 'HELLO.yaml' only in upper and lower case"),
        ("a\tb.py", "the name has a control character"),
        (os.fsdecode(b"caf\xe9.py"), "the name is not UTF-8 text"),
        ("x" * 200, "the path has more than 100 bytes"),
    ],
)
def test_a_name_that_some_host_cannot_have_is_refused(name: str, sentence: str, tmp_path: Path) -> None:
    root = project(tmp_path, {name: ""})
    [problem] = read(root, limits=Limits(path_bytes=100)).problems
    assert problem.sentence == sentence


def test_names_that_differ_in_how_accents_are_written_are_refused(tmp_path: Path) -> None:
    root = project(tmp_path, {"caf\u00e9.py": "", "cafe\u0301.py": ""})
    [problem] = read(root).problems
    assert problem.sentence == "differs from 'cafe\u0301.py' only in how accents are written"


def test_limits_of_the_whole_name_the_largest_file(tmp_path: Path) -> None:
    root = project(tmp_path, {"large.bin": b"x" * 2_000, "small.bin": b"x"})
    found = [str(one) for one in read(root, limits=Limits(total_bytes=1_000, files=2)).problems]
    assert found == [
        "large.bin:1:1: the release would have 0.0 MB, more than 0.0 MB\n"
        "hint: the largest file is this one; a line in .airfleetignore leaves it out",
        ".:1:1: the release would have 3 files, more than 2\nhint: a line in .airfleetignore leaves it out",
    ]


@pytest.mark.parametrize("spelled", ["keys", "{root}/keys", "{root}/shop/../keys", "{link}/keys"])
def test_folders_that_never_travel_are_not_even_looked_at(spelled: str, tmp_path: Path) -> None:
    root = project(tmp_path / "project", {"keys/fernet": "1", "keys/more/a": "1", "shop/keys/a.py": "", "keys.py": ""})
    os.mkfifo(root / "keys" / "pipe")
    (tmp_path / "link").symlink_to(root)
    found = read(root, never=[spelled.format(root=root, link=tmp_path / "link")])
    assert found.problems == ()
    assert [file.path for file in found.manifest.files] == ["keys.py", "pipelines/hello.yaml", "shop/keys/a.py"]


def test_a_link_into_or_to_a_folder_that_never_travels_does_not_bring_it_along(tmp_path: Path) -> None:
    root = project(tmp_path / "project", {"keys/fernet": "1"})
    (root / "key").symlink_to("keys/fernet")
    (tmp_path / "elsewhere").mkdir()
    (root / "secrets").symlink_to(tmp_path / "elsewhere")
    [problem] = read(root, never=["keys", "secrets"]).problems
    assert (problem.place.file, problem.sentence) == ("key", "the link leads to keys/fernet, which never travels")


def test_many_problems_are_fifty_and_a_number(tmp_path: Path) -> None:
    root = project(tmp_path)
    for number in range(60):
        os.mkfifo(root / f"pipe_{number}")
    problems = read(root).problems
    assert len(problems) == 51
    assert problems[-1].sentence == "10 more files cannot travel"
