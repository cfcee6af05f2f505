"""The wheel holds the package alone: no laboratory, no test, and no module that imports one."""

from __future__ import annotations

import ast
import zipfile
from pathlib import PurePosixPath

import pytest
from hatchling.builders.wheel import WheelBuilder

from support.documents import REPOSITORY

#: packages that are importable in the repository alone
UNSHIPPED = frozenset({"benchmarks", "examples", "faultlab", "scripts", "support", "tests"})


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[PurePosixPath, str]:
    """The Python files of a wheel that is built here."""
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(REPOSITORY)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".py")]
        return {PurePosixPath(name): archive.read(name).decode() for name in names}


def imported(source: str) -> set[str]:
    """The first parts of the names that a module imports."""
    nodes = list(ast.walk(ast.parse(source)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in plain | named}


def test_the_wheel_holds_the_package_alone(sources: dict[PurePosixPath, str]) -> None:
    assert {path.parts[0] for path in sources} == {"airfleet"}
    assert [str(path) for path in sources if UNSHIPPED & set(path.parts)] == []


def test_the_drill_and_the_fleet_for_tests_of_users_are_shipped(sources: dict[PurePosixPath, str]) -> None:
    shipped = {path.parts[1] for path in sources if len(path.parts) > 2}
    assert {"drill", "testing"} <= shipped


def test_no_shipped_module_imports_one_that_is_not(sources: dict[PurePosixPath, str]) -> None:
    wrong = {str(path): found for path, text in sources.items() if (found := imported(text) & UNSHIPPED)}
    assert wrong == {}
