"""The source of a module is found as an import would find it, and nothing is imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from airfleet.pipelines.analysis.module_files import find_file, may_be_there, module_file, modules_in


@pytest.fixture
def roots(tmp_path: Path) -> tuple[str, ...]:
    """A project whose modules end the process that imports them."""
    for name in ("steps.py", "pkg/__init__.py", "pkg/inner.py", "both/__init__.py", "both.py", "data/rows.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit\n")
    return (str(tmp_path),)


@pytest.mark.parametrize(
    ("module", "file"),
    [
        ("steps", "steps.py"),
        ("pkg", "pkg/__init__.py"),
        ("pkg.inner", "pkg/inner.py"),
        ("both", "both/__init__.py"),
        ("pkg.none", None),
        ("none", None),
        ("", None),
        (".steps", None),
        ("a" * 5000, None),
        ("nul\0", None),
    ],
)
def test_a_module_of_the_project_is_found_by_its_name(module: str, file: str | None, roots: tuple[str, ...]) -> None:
    found = module_file(module, roots)
    assert found == (Path(roots[0], file) if file else None)
    assert module not in sys.modules or not file


def test_the_project_comes_before_what_is_installed(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("")
    assert module_file("json", (str(tmp_path),)) == tmp_path / "json.py"
    found = module_file("json")
    assert found is not None
    assert found.name == "__init__.py"


def test_an_editable_install_is_found_by_its_import_hook() -> None:
    found = module_file("airfleet.errors")
    assert found is not None
    assert found.parts[-2:] == ("airfleet", "errors.py")


@pytest.mark.parametrize(
    ("top", "is_there"), [("steps", True), ("pkg", True), ("json", True), ("sys", True), ("no_such_module", False)]
)
def test_a_top_name_that_nothing_can_provide_is_known(top: str, is_there: bool, roots: tuple[str, ...]) -> None:
    assert may_be_there(top, roots) is is_there


def test_a_place_that_is_no_folder_may_hold_modules(tmp_path: Path) -> None:
    (tmp_path / "some.zip").write_bytes(b"PK")
    assert may_be_there("anything", (str(tmp_path / "some.zip"),))
    assert not may_be_there("no_such_module", (str(tmp_path / "gone"),))


def test_a_file_that_was_added_is_seen(tmp_path: Path) -> None:
    roots = (str(tmp_path),)
    assert find_file("later.py", roots) is None
    (tmp_path / "later.py").write_text("")
    assert find_file("later.py", roots) == tmp_path / "later.py"


def test_the_modules_of_a_folder_are_files_and_packages_with_names_of_modules(roots: tuple[str, ...]) -> None:
    folder = Path(roots[0])
    (folder / "not-a-module.py").write_text("")
    assert modules_in(folder) == ("both", "both", "pkg", "steps")
    assert modules_in(folder / "pkg") == ("inner",)
    assert modules_in(folder / "gone") == ()
