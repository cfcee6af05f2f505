"""Commands called in odd places: a locale without UTF-8, a folder that is gone, a disk that takes nothing."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from airfleet.cli import main
from airfleet.client.project import Project
from support.command_line import Airfleet

#: what a locale of another character set does to Python, on machines that have none
NOT_UTF8 = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONPATH": os.pathsep.join(sys.path)}

PIPELINE = """\
# «привет»
dag_id: hello
schedule: null
start_date: 2026-01-01
tasks:
  - {id: look, uses: bash, with: {bash_command: "echo 漢字"}}
"""


def call(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-m", "airfleet.cli", *words]
    return subprocess.run(argv, cwd=folder, env={"PATH": "/bin", **environ}, capture_output=True, check=False)


def test_a_project_is_read_and_written_as_utf8_whatever_the_locale(tmp_path: Path) -> None:
    root = tmp_path / "мой проект 100%"
    (root / "pipelines").mkdir(parents=True)
    (root / "fleet.yaml").write_text("name: shop\n", encoding="utf-8")
    (root / "pipelines" / "привет.yaml").write_text(PIPELINE, encoding="utf-8")
    checked = call(root, "check", **NOT_UTF8)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"1 pipeline is fine\n")
    stopped = call(root, "status", "-o", "json", **NOT_UTF8)
    assert (stopped.returncode, json.loads(stopped.stdout)["home"]) == (1, str(root / ".airfleet"))


def test_what_a_stream_cannot_show_is_written_as_a_number(tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    (tmp_path / "pipelines" / "hello.yaml").write_text(PIPELINE, encoding="utf-8")
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    for encoding in ("latin-1", "iso8859-5"):
        shown = call(tmp_path, "show", "pipelines/hello.yaml", LC_ALL="C.UTF-8", PYTHONIOENCODING=encoding, **path)
        assert (shown.returncode, shown.stderr) == (0, b"")
        assert b"\\u250c" in shown.stdout  # the corner of a box


@pytest.mark.parametrize("command", ["status", "check", "up -d", "plan", "config", "logs"])
def test_a_path_that_is_no_text_is_named(tmp_path: Path, command: str) -> None:
    root = tmp_path / os.fsdecode(b"shop \xff")
    root.mkdir()
    (root / "fleet.yaml").write_text("name: shop\n")
    done = call(root, *command.split(), PYTHONPATH=os.pathsep.join(sys.path))
    sentence = f"error: the path {tmp_path}/shop \\xff is not UTF-8 text\n"
    hint = "hint: give the project, or AIRFLEET_HOME, another path\n"
    assert (done.returncode, done.stderr.decode()) == (1, sentence + hint)


@pytest.mark.parametrize("command", ["status", "check", "up", "down", "logs"])
def test_a_working_directory_that_was_deleted_is_named(tmp_path: Path, command: str) -> None:
    script = f"mkdir gone; cd gone; rmdir ../gone; exec {sys.executable} -m airfleet.cli {command}"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (
        1,
        "error: the working directory was deleted\nhint: cd to another one; -C DIR names a project\n",
    )


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "No space left on device: /data/x"),
        (errno.EROFS, "Read-only file system: /data/x"),
        (errno.EACCES, "Permission denied: /data/x"),
        (errno.EBADF, None),
        (errno.ENOENT, None),
    ],
)
def test_what_a_machine_refuses_is_no_mistake_of_ours(number: int, sentence: str | None) -> None:
    assert main.of_the_machine(OSError(number, os.strerror(number), "/data/x")) == sentence


def test_a_disk_that_takes_nothing_does_not_keep_a_fleet_from_ending(project: Project, airfleet: Airfleet) -> None:
    (project.paths.runtime / "down.lock").mkdir(parents=True)  # cannot be opened
    project.played.mkdir()  # cannot be deleted
    result = airfleet("down")
    assert (result.code, result.err) == (0, "nothing is running\n")
