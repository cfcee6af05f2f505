"""Modules of several releases in one process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.releases.release_modules import ReleaseModules, import_from

NAME = "module_of_a_release"


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give two releases and the folder of the project, each with a package of one name."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "project")])
    trees = tmp_path / "releases" / "trees"
    for edition, folder in (("folder", tmp_path / "project"), ("one", trees / "one"), ("two", trees / "two")):
        package = folder / NAME
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "inner.py").write_text(f"EDITION = {edition!r}\n")
        (package / "outer.py").write_text(f"from {NAME} import inner\n\ndef edition():\n    return inner.EDITION\n")
    yield trees
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


def test_modules_come_from_one_release_and_from_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, trees = tmp_path / "project", tmp_path / "releases" / "trees"
    installed = str(tmp_path / "releases" / "environments" / "c" / "site-packages")
    monkeypatch.setattr(sys, "path", ["/usr/lib", str(project), str(trees / "a"), installed])
    import_from(trees / "b", project)
    assert sys.path == ["/usr/lib", installed, str(trees / "b")]


def test_each_release_has_modules_of_its_own_and_keeps_them(trees: Path) -> None:
    modules = ReleaseModules(trees.parents[1] / "project")
    outer = {}
    for edition in ("one", "two", "one"):
        modules.show(trees / edition)
        found = importlib.import_module(f"{NAME}.outer")
        assert found.edition() == edition
        assert outer.setdefault(edition, found) is found
    assert outer["two"].edition() == "two"  # also while the other one is shown


def test_modules_of_the_folder_that_the_process_began_in_are_hidden_and_no_other_is(trees: Path) -> None:
    before = set(sys.modules)
    assert importlib.import_module(f"{NAME}.outer").edition() == "folder"
    modules = ReleaseModules(trees.parents[1] / "project")
    modules.show(trees / "one")
    assert set(sys.modules) == before
    assert importlib.import_module(f"{NAME}.outer").edition() == "one"


def test_a_package_that_is_installed_in_the_folder_of_the_project_stays(trees: Path) -> None:
    project = trees.parents[1] / "project"
    installed = project / ".venv" / "lib" / "python3" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "installed_there.py").write_text("")
    sys.path.append(str(installed))
    module = importlib.import_module("installed_there")
    ReleaseModules(project).show(trees / "one")
    assert sys.modules.pop("installed_there") is module
