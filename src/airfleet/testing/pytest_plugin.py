"""The plugin of pytest for tests of pipelines: each case of a ``*.test.yaml`` file is an item.

Airflow is imported with the first case, and runs it in pytest's own process: breakpoints, coverage and fixtures work
as in other tests. Where neither ``AIRFLOW_HOME`` is set nor Airflow imported, it gets a home in a temporary folder.
pytest loads this module in every project that has airfleet, so nothing but the standard library is imported early.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airfleet.errors import Problem
    from airfleet.pipelines.cases.spec import Case
    from airfleet.pipelines.checks.pipeline_checks import CheckedFile

_SUFFIXES = (".test.yaml", ".test.yml")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take test files."""
    if not file_path.name.endswith(_SUFFIXES):
        return None
    return CaseFile.from_parent(parent, path=file_path)


class Unmet(Exception):
    """Expectations of a case that were not met."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class CaseFile(pytest.File):
    """A test file."""

    def collect(self) -> Iterator[CaseItem]:
        """Yield the cases. A file with problems has none."""
        from airfleet.pipelines.cases import reader

        found = reader.read_file(Path(_near(self.path)))
        if found.problems:
            raise self.CollectError("\n".join(map(str, found.problems)))
        for case in found.cases:
            yield CaseItem.from_parent(self, name=case.name, case=case)


class CaseItem(pytest.Item):
    """A case."""

    def __init__(self, *, case: Case, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case = case

    def runtest(self) -> None:
        """Run the case. Raises Unmet."""
        from airfleet.pipelines.cases import checks

        variables = _variables(self.path.parent)
        with _environment(variables):
            ready, problems = checks.prepared([self.case], functools.partial(_checked, tuple(variables.items())))
            problems = problems or _verdict(ready[0], self.config)
        if problems:
            raise Unmet(tuple(problems))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Describe what was not as expected, at its place."""
        if isinstance(excinfo.value, Unmet):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Give the place of the case."""
        return self.path, self.case.place("").line - 1, self.case.name


def _verdict(ready: Any, config: pytest.Config) -> tuple[Problem, ...]:
    _give_home(config)
    from airflow import settings

    from airfleet.pipelines.airflow.import_common import reach_modules
    from airfleet.pipelines.airflow.trial import run

    reach_modules(ready.case.pipeline)
    return run.verdict(ready, settings.TIMEZONE)


_HOME = pytest.StashKey[Path]()


def _give_home(config: pytest.Config) -> None:
    """Give Airflow a home that is gone after the tests, unless there is one."""
    if _HOME in config.stash or "airflow" in sys.modules or "AIRFLOW_HOME" in os.environ:
        return
    from airfleet.pipelines.local import home

    stack = ExitStack()
    folder, _ = stack.enter_context(home.made())
    (folder / "airflow.cfg").write_text(home.airflow_cfg(folder, str(folder / "none.yaml")), encoding="utf-8")
    stack.enter_context(_environment({"AIRFLOW_HOME": str(folder)}))
    config.stash[_HOME] = folder
    config.add_cleanup(stack.close)


@contextmanager
def _environment(added: Mapping[str, str]) -> Iterator[None]:
    """Add variables to the environment for a while."""
    before = {name: os.environ.get(name) for name in added}
    os.environ |= added
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@functools.cache
def _variables(folder: Path) -> Mapping[str, str]:
    """Read what ``env:`` and ``vars:`` of the fleet add to the environment of tasks."""
    from airfleet.client import project
    from airfleet.fleet.config import reader

    root = project.nearest(folder)
    return reader.read_file(root / project.FLEET_FILE, os.environ).task_environment if root is not None else {}


@functools.cache
def _checked(variables: tuple[tuple[str, str], ...], file: Path) -> CheckedFile:
    from airfleet.pipelines.checks.pipeline_checks import read_and_check

    return read_and_check(file, environ={**os.environ, **dict(variables)})


def _near(path: Path) -> str:
    """Name a file as seen from the working directory, when it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
