"""Texts that are rendered, and files that are read into a Dag: whether they are there, and right."""

from __future__ import annotations

from pathlib import Path

from airfleet.file_stamps import stamp
from airfleet.metadata import column_limits
from airfleet.pipelines.checks import jinja
from airfleet.pipelines.checks.check_context import Checking, Installed
from airfleet.pipelines.files.named_files import absent, located, outside
from airfleet.pipelines.files.project_files import MAX_MEGABYTES, MAX_MEGABYTES_TOGETHER
from airfleet.pipelines.language.spec import FileText, JinjaText
from airfleet.problem_codes import Code


def check_jinja(rendered: JinjaText, path: str, checking: Checking) -> None:
    """Note what is wrong with Jinja, as far as its text alone can tell."""
    file = rendered.text
    text = check_file(file, path, checking) if isinstance(file, FileText) else file
    if text is None or jinja.has_own_jinja(checking.pipeline):
        return
    if isinstance(file, FileText) and (wrong := column_limits.unstorable(text)):
        checking.problem(path, f"'{file.path}' {wrong}", code=Code.UNSTORABLE)
    for sentence, hint, code in jinja.problems_of(text, jinja.own_names(checking.pipeline)):
        checking.problem(path, sentence, hint, code)


def check_file(file: FileText, path: str, checking: Checking) -> str | None:
    """Read the text of a file; None when there is none to read."""
    try:
        target = located(file.path, file.said_in or checking.pipeline.file, checking.installed.root)
        if target is None:
            checking.problem(path, *outside(file.path, checking.installed.root), code=Code.TASK_FILE)
            return None
        checking.installed.stamps.setdefault(str(target), stamp(str(target)))
        if wrong := _file_problem(target, file, checking):
            checking.problem(path, *wrong, code=Code.TASK_FILE)
            return None
        return _text(target, file, path, checking)
    except (OSError, ValueError):
        checking.problem(path, f"'{file.path}' is not the name of a file", code=Code.TASK_FILE)
    return None


def _file_problem(target: Path, file: FileText, checking: Checking) -> tuple[str, str | None] | None:
    """Say why a file cannot be read into a task, as (sentence, hint), by what is known without opening it."""
    if target.is_dir():
        return f"'{file.path}' is a folder, not a file", None
    if not target.exists():
        names = checking.installed.files_in(target.parent)
        return absent(file.path, target, lambda name: checking.hints.nearest(name, names))
    if not target.is_file():
        return f"'{file.path}' is not a regular file", None
    return _size_problem(target.stat().st_size, file, checking.installed)


def _size_problem(size: int, file: FileText, installed: Installed) -> tuple[str, str] | None:
    hint = "let the task read it when it runs"
    if size > MAX_MEGABYTES * 1_000_000:
        return f"'{file.path}' has {size // 1_000_000} MB; a file may have {MAX_MEGABYTES} at most", hint
    installed.taken += size
    if installed.taken > MAX_MEGABYTES_TOGETHER * 1_000_000:
        sentence = f"with '{file.path}', the tasks of this file read more than {MAX_MEGABYTES_TOGETHER} MB of files"
        return sentence, hint
    return None


def _text(target: Path, file: FileText, path: str, checking: Checking) -> str | None:
    try:
        return target.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        checking.problem(path, f"'{file.path}' is not UTF-8 text", code=Code.TASK_FILE)
    except OSError as error:
        sentence = f"'{file.path}' cannot be read: {(error.strerror or str(error)).lower()}"
        checking.problem(path, sentence, code=Code.TASK_FILE)
    return None
