"""``airfleet check --watch``: what is checked again when a file changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from airfleet.cli.commands.pipelines import watching
from airfleet.cli.queries.checked_files import CheckedFiles, Memory
from airfleet.client.project import Project
from airfleet.pipelines.checks.pipeline_checks import CheckedFile
from support.command_line import Airfleet

GOOD = "dag_id: {0}\ntasks: [{{id: one}}]\n"


def checked(memory: Memory, file: Path, environ: Mapping[str, str] | None = None) -> CheckedFile:
    return CheckedFiles(environ or {}, sure=True, memory=memory).read(file)


def test_only_a_pipeline_that_changed_is_checked_again(tmp_path: Path) -> None:
    memory = Memory()
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for file in files:
        file.write_text(GOOD.format(file.stem))
    before = [checked(memory, file) for file in files]
    files[0].write_text(GOOD.format("other"))
    memory.forget([str(files[0])])
    after = [checked(memory, file) for file in files]
    assert (after[0].dag_ids, after[1] is before[1]) == (("other",), True)


def test_a_change_of_what_a_pipeline_takes_in_concerns_it(tmp_path: Path) -> None:
    memory = Memory()
    (tmp_path / "fleet.yaml").touch()
    (tmp_path / "a.yaml").write_text(GOOD.format("a"))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yaml").write_text(GOOD.format("b"))
    files = [tmp_path / "a.yaml", tmp_path / "sub" / "b.yaml"]
    before = [checked(memory, file) for file in files]
    (tmp_path / "sub" / "defaults.yaml").write_text("defaults: {retries: 3}\n")
    memory.forget([str(tmp_path / "sub" / "defaults.yaml")])
    after = [checked(memory, file) for file in files]
    assert [one is other for one, other in zip(before, after, strict=True)] == [True, False]
    assert after[1].pipelines[0].defaults == {"retries": 3}


def test_a_change_of_code_may_concern_all(tmp_path: Path) -> None:
    memory = Memory()
    (tmp_path / "a.yaml").write_text(GOOD.format("a"))
    before = checked(memory, tmp_path / "a.yaml")
    memory.forget([str(tmp_path / "steps.py")])
    assert checked(memory, tmp_path / "a.yaml") is not before


def test_another_environment_is_another_result(tmp_path: Path) -> None:
    memory = Memory()
    (tmp_path / "a.yaml").write_text("dag_id: ${{ env.X }}\ntasks: [{id: one}]\n")
    assert checked(memory, tmp_path / "a.yaml", {"X": "a"}).dag_ids == ("a",)
    assert checked(memory, tmp_path / "a.yaml", {"X": "b"}).dag_ids == ("b",)


def test_hidden_folders_and_environments_are_not_watched(tmp_path: Path) -> None:
    for name in ("a.yaml", ".git/x", "venv/pyvenv.cfg", "venv/x.py", "sql/a.sql", "__pycache__/x.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = watching.stamps([tmp_path])
    assert {os.path.relpath(path, tmp_path) for path in found} == {"a.yaml", "sql/a.sql"}


def test_a_check_that_takes_long_does_not_put_off_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.format("a"))
    real_sleep, checks, pauses = time.sleep, 0, []

    def check() -> None:
        nonlocal checks
        checks += 1
        real_sleep(0.2)
        (tmp_path / f"new_{checks}.yaml").touch()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if checks == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        watching.for_ever([tmp_path], Memory(), check)
    assert max(pauses) < 2  # as long as ten looks, not as ten checks


def test_a_whole_text_cannot_be_watched(project: Project, airfleet: Airfleet) -> None:
    result = airfleet("check", "--watch", "-o", "json")
    assert (result.code, result.err) == (
        2, "error: --watch cannot write json: it says what it finds, line by line\n",
    )  # fmt: skip


def test_a_change_is_said_at_once_and_an_interrupt_ends_it(project: Project) -> None:
    (project.root / "pipelines" / "a.yaml").write_text(GOOD.format("a"))
    command = [sys.executable, "-m", "airfleet.cli", "check", "--watch"]
    with subprocess.Popen(command, cwd=project.root, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        try:
            assert run.stderr is not None
            assert run.stdout is not None
            assert run.stderr.readline() == "1 pipeline is fine\n"
            (project.root / "pipelines" / "a.yaml").write_text("dag_id: a\ntasks: [{id: one, needs: [two]}]\n")
            begun = time.monotonic()
            problem = "pipelines/a.yaml:2:27: tasks.one.needs[0]: there is no task 'two' [AF120]\n"
            assert run.stdout.readline() == problem
            assert time.monotonic() - begun < 10
            run.send_signal(signal.SIGINT)
            assert run.wait(timeout=10) == 130
        finally:
            run.kill()
