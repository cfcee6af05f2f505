"""The hooks for pre-commit: their entries are commands that exist, and they find what is wrong."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from support.command_line import Airfleet
from support.documents import REPOSITORY

HOOKS = {hook["id"]: hook for hook in yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())}


def test_the_hooks_have_what_pre_commit_needs() -> None:
    assert set(HOOKS) == {"airfleet-check", "airfleet-check-project"}
    for hook in HOOKS.values():
        assert hook.keys() >= {"id", "name", "entry", "language", "files"}
        assert hook["language"] in ("python", "system")


@pytest.mark.parametrize(
    ("file", "hooks"),
    [
        ("pipelines/a.yaml", {"airfleet-check", "airfleet-check-project"}),
        ("shop/pipelines/team/a.yml", {"airfleet-check", "airfleet-check-project"}),
        ("pipelines/dags.py", {"airfleet-check", "airfleet-check-project"}),
        ("fleet.prod.yaml", {"airfleet-check", "airfleet-check-project"}),
        ("shop/steps.py", {"airfleet-check-project"}),
        ("README.md", set()),
        ("mypipelines.yaml", {"airfleet-check-project"}),
    ],
)
def test_the_files_of_each_hook(file: str, hooks: set[str]) -> None:
    assert {name for name, hook in HOOKS.items() if re.search(hook["files"], file)} == hooks


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize(("task", "code"), [("{id: one}", 0), ("{id: one, needs: [two]}", 1)])
def test_the_entry_of_a_hook_runs_as_pre_commit_runs_it(
    name: str, task: str, code: int, tmp_path: Path, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    (tmp_path / "pipelines" / "a.yaml").write_text(f"dag_id: a\ntasks: [{task}]\n")
    program, *words = shlex.split(HOOKS[name]["entry"])
    files = ["pipelines/a.yaml"] if HOOKS[name].get("pass_filenames", True) else []
    assert program == "airfleet"
    assert airfleet(*words, *files).code == code
