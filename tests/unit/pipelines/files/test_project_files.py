"""Where a project begins, and how the text of a file is read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from airfleet.errors import Problem
from airfleet.pipelines.files import project_files
from airfleet.pipelines.files.project_files import project_root, read_python, read_text


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


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(path))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: os.mkfifo(path), "1:1: this is a named pipe, not a file"),
        (make_socket, "1:1: this is a socket, not a file"),
        (lambda path: path.symlink_to("/dev/null"), "1:1: this is a device, not a file"),
        (lambda path: path.mkdir(), "1:1: this is a folder, not a file"),
        (lambda path: path.symlink_to("nowhere"), "1:1: the link leads to nothing"),
        (lambda path: path.symlink_to(path), "1:1: the link leads to itself"),
        (lambda path: None, "1:1: there is no such file"),
        (
            lambda path: path.write_bytes("a: ä\nb: ü ".encode() + b"\xe9\n"),
            "2:6: the file is not UTF-8 text (byte 0xE9 here)\nhint: save it as UTF-8",
        ),
        (
            lambda path: path.write_bytes("a: 1\n".encode("utf-16")),
            "1:1: the file is UTF-16 text, not UTF-8\nhint: save it as UTF-8",
        ),
        (
            lambda path: path.write_bytes("a: 1\n".encode("utf-32")),
            "1:1: the file is UTF-32 text, not UTF-8\nhint: save it as UTF-8",
        ),
    ],
)
def test_what_is_no_text_file_is_a_problem_and_is_not_waited_for(
    make: object, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "p.yaml"
    make(path)  # type: ignore[operator]
    for read in (read_text, read_python):
        assert str(read(path)) == f"{path}:{sentence}"


def test_a_huge_file_is_a_problem_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "p.yaml", "wb") as file:
        file.truncate(10**12)
    said = read_text(tmp_path / "p.yaml")
    assert isinstance(said, Problem)
    assert said.sentence == "the file has 1,000,000 MB; airfleet reads up to 16 MB"
    monkeypatch.setattr(project_files, "MAX_MEGABYTES", 0)  # as of a file in /proc, whose size says nothing
    assert isinstance(read_text(Path("/proc/self/environ")), Problem)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a = 1\r\nb = 2\r", "a = 1\nb = 2\n"),
        ("\ufeffa = 'ä'\n".encode(), "a = 'ä'\n"),
        ("# -*- coding: latin-1 -*-\na = 'ä'\n".encode("latin-1"), "# -*- coding: latin-1 -*-\na = 'ä'\n"),
    ],
)
def test_python_is_read_in_its_own_encoding(content: bytes, text: str, tmp_path: Path) -> None:
    (tmp_path / "d.py").write_bytes(content)
    assert read_python(tmp_path / "d.py") == text


def test_python_in_an_encoding_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "d.py").write_bytes(b"# coding: klingon\n")
    assert (
        str(read_python(tmp_path / "d.py")) == f"{tmp_path}/d.py:1:1: this is not Python 3: unknown encoding: klingon"
    )
