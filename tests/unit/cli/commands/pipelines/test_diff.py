"""``diff``: two files, or a file and a commit, in sentences and as data."""

from __future__ import annotations

import json
import subprocess

import pytest

from airfleet.client.project import Project
from support.command_line import Airfleet

OLD = """\
dag_id: shop
schedule: "@daily"
tasks:
  - {id: fetch, uses: bash, with: {bash_command: "a\\nb"}}
  - {id: store, needs: [fetch]}
"""
NEW = OLD.replace("@daily", "@hourly").replace("a\\nb", "a\\nc").replace("  - {id: store", "  - {id: load")


@pytest.fixture
def repository(project: Project) -> Project:
    """A project of which a commit has the old version."""
    (project.root / "pipelines" / "defaults.yaml").write_text("defaults: {retries: 1}\n")
    (project.root / "pipelines" / "shop.yaml").write_text(OLD)
    _commit(project)
    return project


def _commit(project: Project) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    for words in (("init", "-q"), ("add", "."), (*identity, "commit", "-q", "-m", "one")):
        subprocess.run(["git", *words], cwd=project.root, check=True)


def test_a_file_is_compared_with_its_commit(repository: Project, airfleet: Airfleet) -> None:
    assert airfleet("diff", "pipelines/shop.yaml").err == "no difference\n"
    (repository.root / "pipelines" / "shop.yaml").write_text(NEW)
    (repository.root / "pipelines" / "defaults.yaml").write_text("defaults: {retries: 2}\n")
    result = airfleet("diff", "pipelines/shop.yaml")
    assert result.code == 0
    assert result.out == (
        "shop\n"
        "  ~ schedule changed from @daily to @hourly\n"
        "  ~ bash_command of task 'fetch' changed\n"
        "      @@ -1,2 +1,2 @@\n"
        "       a\n"
        "      -b\n"
        "      +c\n"
        "  + task 'load' is new, after 'fetch'\n"
        "  - task 'store' is gone\n"
        "  ~ retries of task 'fetch' changed from 1 to 2\n"
    )
    assert airfleet("diff", "git:HEAD", "pipelines/shop.yaml", "--exit-code").code == 1


def test_a_changed_file_that_a_pipeline_takes_in_is_a_difference(project: Project, airfleet: Airfleet) -> None:
    folder = project.root / "pipelines"
    (folder / "shop.yaml").write_text(
        "dag_id: shop\ndoc_md: {$f: shop.md}\ntasks:\n"
        "  - {id: a, uses: bash, with: {bash_command: {$t: {$f: a.txt}}, env: {X: {$f: x.txt}}}}\n"
        "  - {id: b, uses: 'm:f', isolation: {venv: needed.txt}}\n"
    )
    (folder / "m.py").write_text("def f(): ...\n")
    for name in ("shop.md", "a.txt", "x.txt", "needed.txt"):
        (folder / name).write_text("one\nold\n")
    _commit(project)
    assert airfleet("diff", "pipelines/shop.yaml").err == "no difference\n"
    for name in ("shop.md", "a.txt", "x.txt", "needed.txt"):
        (folder / name).write_text("one\nnew\n")
    result = airfleet("diff", "pipelines/shop.yaml")
    assert result.out == (
        "shop\n"
        "  ~ doc_md changed\n      @@ -1,2 +1,2 @@\n       one\n      -old\n      +new\n"
        "  ~ bash_command of task 'a' changed\n      @@ -1,2 +1,2 @@\n       one\n      -old\n      +new\n"
        "  ~ env of task 'a' changed\n      @@ -1,2 +1,2 @@\n       X: one\n      -old\n      +new\n"
        "  ~ isolation of task 'b' changed from {venv: {requirements: ['one', 'old']}}"
        " to {venv: {requirements: ['one', 'new']}}\n"
    ), result.out + result.err


def test_a_text_that_moves_into_a_file_makes_no_difference(project: Project, airfleet: Airfleet) -> None:
    task = "dag_id: shop\ntasks:\n  - {id: a, uses: bash, with: {bash_command: %s}}\n"
    (project.root / "old.yaml").write_text(task % "echo a")
    (project.root / "new.yaml").write_text(task % "{$f: a.txt}")
    (project.root / "a.txt").write_text("echo a")
    assert airfleet("diff", "old.yaml", "new.yaml").err == "no difference\n"


def test_a_long_text_that_differs_at_its_end_is_shown_whole(project: Project, airfleet: Airfleet) -> None:
    task = "dag_id: shop\ntasks:\n  - {id: a, uses: bash, with: {bash_command: '%s'}}\n"
    (project.root / "old.yaml").write_text(task % (100 * "x" + "a"))
    (project.root / "new.yaml").write_text(task % (100 * "x" + "b"))
    said = airfleet("diff", "old.yaml", "new.yaml").out
    assert f"bash_command of task 'a' changed\n      @@ -1 +1 @@\n      -{100 * 'x'}a\n      +{100 * 'x'}b\n" in said


def test_two_files_are_compared_as_data(project: Project, airfleet: Airfleet) -> None:
    (project.root / "old.yaml").write_text(OLD)
    (project.root / "new.yaml").write_text(OLD.replace("@daily", "@hourly"))
    result = airfleet("diff", "old.yaml", "new.yaml", "-o", "json")
    assert json.loads(result.out) == [
        {"dag_id": "shop", "kind": "changed", "change": "schedule changed from @daily to @hourly"}
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("a", "b", "c"), 2, "diff takes two versions: OLD and NEW"),
        (("pipelines/shop.yaml", "git:HEAD"), 2, "NEW is a file, not git:HEAD\nhint: airfleet diff git:HEAD FILE"),
        (("git:away", "pipelines/shop.yaml"), 1, "git: not a valid object name: away"),
        (("git:--output=o.tar", "pipelines/shop.yaml"), 2, "git:--output=o.tar names no commit\nhint: airfleet diff"),
        (("git:", "pipelines/shop.yaml"), 2, "git: names no commit\nhint: airfleet diff git:HEAD FILE"),
        (("git:HEAD", "pipelines/new.yaml"), 1, "pipelines/new.yaml is not in git:HEAD"),
        (("pipelines/away.yaml",), 1, "no such file: pipelines/away.yaml"),
        (("bad.yaml", "pipelines/shop.yaml"), 1, "bad.yaml:1:1: 'tasks' is missing"),
    ],
)
def test_a_version_that_is_not_there_is_said(
    words: tuple[str, ...], code: int, said: str, repository: Project, airfleet: Airfleet
) -> None:
    (repository.root / "pipelines" / "new.yaml").write_text(OLD)
    (repository.root / "bad.yaml").write_text("dag_id: a\n")
    result = airfleet("diff", *words)
    assert (result.code, said in result.err) == (code, True), result.err
    assert not (repository.root / "o.tar").exists()
