"""``logs``: the last lines of one or all components, and what is written afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airfleet.client.project import Project
from airfleet.system.log_tail import Tail, complete_after, last_complete, last_lines
from support.command_line import Airfleet


@pytest.fixture
def logs(project: Project) -> Path:
    folder = project.paths.logs
    folder.mkdir(parents=True)
    (folder / "scheduler.log").write_text("s1\ns2\ns3\n")
    (folder / "worker.log").write_text("w1\nw2\n")
    os.utime(folder / "scheduler.log", (1, 1))
    return folder


def test_all_components_with_their_names_the_last_written_at_the_end(logs: Path, airfleet: Airfleet) -> None:
    assert airfleet("logs", "-n", 2).out == ("scheduler | s2\nscheduler | s3\nworker    | w1\nworker    | w2\n")


def test_one_component_without_its_name(logs: Path, airfleet: Airfleet) -> None:
    assert airfleet("logs", "scheduler").out == "s1\ns2\ns3\n"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("schedular", "did you mean 'scheduler'?"), ("x", "there are: scheduler, worker")],
)
def test_an_unknown_component(name: str, hint: str, logs: Path, airfleet: Airfleet) -> None:
    result = airfleet("logs", name)
    assert result.code == 1
    assert result.err == f"error: no component named '{name}' has a log\nhint: {hint}\n"


def test_before_the_first_start_there_are_no_logs(project: Project, airfleet: Airfleet) -> None:
    result = airfleet("logs")
    assert result.code == 1
    assert result.err == f"error: there are no logs in {project.paths.logs} yet\nhint: airfleet up\n"


def test_following_shows_new_lines_also_of_components_that_start_later(logs: Path, project: Project) -> None:
    command = [sys.executable, "-m", "airfleet.cli", "logs", "-f", "-n", "1"]
    with subprocess.Popen(command, cwd=project.root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "scheduler | s3\n"
            assert process.stdout.readline() == "worker    | w2\n"
            with open(logs / "worker.log", "a") as log:
                log.write("w3\n")
            assert process.stdout.readline() == "worker    | w3\n"
            (logs / "triggerer.log").write_text("t1\n")
            assert process.stdout.readline() == "triggerer | t1\n"
        finally:
            process.terminate()


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        (b"", 3, []),
        (b"a\nb\nc\n", 2, ["b", "c"]),
        (b"a\nb\nc", 2, ["b", "c"]),
        (b"a\nb\n", 9, ["a", "b"]),
        (b"a\nb\n", 0, []),
        (b"x" * 200_000 + b"\nlast\n", 1, ["last"]),
        (b"\xff\n", 1, ["\ufffd"]),
    ],
)
def test_last_lines(text: bytes, count: int, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(text)
    assert last_lines(tmp_path / "a.log", count) == expected


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        (b"", 3, ([], 0)),
        (b"a\nb\nc\n", 2, (["b", "c"], 6)),
        (b"a\nb\nhalf", 2, (["a", "b"], 4)),
        (b"a\nb\nhalf", 1, (["b"], 4)),
        (b"half", 1, ([], 0)),
        (b"a\nb\n", 0, ([], 4)),
        (b"x" * 200_000 + b"\nlast\n", 1, (["last"], 200_006)),
    ],
)
def test_the_last_complete_lines_and_where_they_end(
    text: bytes, count: int, expected: tuple[list[str], int], tmp_path: Path
) -> None:
    (tmp_path / "a.log").write_bytes(text)
    assert last_complete(tmp_path / "a.log", count) == expected


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        (b"a\nb\n", 4, ([], 4)),
        (b"a\nb\nc\nhalf", 4, (["c"], 6)),
        (b"a\nb\nhalf", 4, ([], 4)),
        (b"new\n", 400, (["new"], 4)),
        (b"0123456789\n", 0, (["01234567"], 8)),
        (b"0123\n56789\n", 0, (["0123"], 5)),
    ],
    ids=["nothing", "a line", "half a line", "made anew", "longer than an answer", "more than an answer"],
)
def test_complete_lines_after_a_byte(text: bytes, offset: int, expected: tuple[list[str], int], tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(text)
    assert complete_after(tmp_path / "a.log", offset, most=8) == expected


def test_last_lines_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none.log", 5) == []


def test_a_tail_gives_complete_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    tail = Tail(path, from_end=True)
    with open(path, "a") as log:
        log.write("new\nhal")
        log.flush()
        assert tail.read() == ["new"]
        log.write("f\n")
        log.flush()
        assert tail.read() == ["half"]
    assert tail.read() == []


def test_a_tail_reads_the_rest_of_a_rotated_file_and_then_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("")
    tail = Tail(path, from_end=True)
    path.write_text("last of the old\n")
    path.rename(tmp_path / "a.log.1")
    path.write_text("first of the new\n")
    assert tail.read() == ["last of the old"]
    assert tail.read() == ["first of the new"]


def test_a_tail_begins_again_when_the_file_was_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("one\ntwo\nunfinished")
    tail = Tail(path, from_end=False)
    assert tail.read() == ["one", "two"]
    path.write_text("anew\n")
    assert tail.read() == ["anew"]


def test_a_tail_waits_for_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "a.log", from_end=True)
    assert tail.read() == []
    (tmp_path / "a.log").write_text("here\n")
    assert tail.read() == ["here"]
