"""Files of a release whose change is one of the Dags that import them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from airfleet.dag_processor import imported_files
from airfleet.releases.places import Places
from support import release_trees

FILES = {
    "pipelines/p.yaml": "dag_id: p",
    "pipelines/d.py": "def f():\n    import helpers_of_c.late\n",
    "helpers_of_c/__init__.py": "",
    "helpers_of_c/late.py": "from helpers_of_c import base_of_c\nimport json\n",
    "helpers_of_c/base_of_c.py": "",
    "alone_of_c.py": "",
    "loaded_of_c.py": "import alone_of_c\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    places = Places(tmp_path)
    return places.tree(release_trees.make(places, FILES))


def found(tree: Path, file: str, *named: str) -> set[str]:
    stamps = imported_files.of(tree / file, tree / "pipelines", named)
    assert all(stamps.values())
    return {str(Path(path).relative_to(tree)) for path in stamps}


def test_a_pipeline_depends_on_the_modules_that_it_names_and_on_theirs(tree: Path) -> None:
    helpers = {"helpers_of_c/__init__.py", "helpers_of_c/late.py", "helpers_of_c/base_of_c.py"}
    assert found(tree, "pipelines/p.yaml", "helpers_of_c.late", "json") == helpers
    assert found(tree, "pipelines/p.yaml", "alone_of_c") == {"alone_of_c.py"}
    assert found(tree, "pipelines/p.yaml") == set()


def test_imports_inside_functions_of_a_dag_in_python_count(tree: Path) -> None:
    assert "helpers_of_c/base_of_c.py" in found(tree, "pipelines/d.py")


def test_what_this_process_has_imported_counts_with_what_it_imports(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = ModuleType("loaded_of_c")
    loaded.__file__ = str(tree / "loaded_of_c.py")
    monkeypatch.setitem(sys.modules, "loaded_of_c", loaded)
    assert found(tree, "pipelines/p.yaml") == {"loaded_of_c.py", "alone_of_c.py"}


def test_a_file_of_no_release_is_left_to_the_stamps_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "d.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("")
    assert imported_files.of(tmp_path / "d.py", tmp_path, ["helper"]) == {}
