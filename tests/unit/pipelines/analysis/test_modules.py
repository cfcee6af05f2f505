"""Names are followed through modules without importing any of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from airfleet.pipelines.analysis import modules
from airfleet.pipelines.analysis.modules import UNKNOWN, Definition, MissingDefinition

FILES = {
    "pkg/__init__.py": "from .steps import fetch as exported\nfrom .steps import *\n",
    "pkg/steps.py": "def fetch(): ...\nalias = fetch\ncall = fetch()\ndef _hidden(): ...\n",
    "pkg/guarded.py": "try:\n    from nowhere import fetch\nexcept ImportError:\n    from .steps import fetch\n",
    "pkg/typed.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .steps import fetch\n",
    "pkg/lazy.py": "def __getattr__(name): ...\n",
    "pkg/deep/__init__.py": "from ..steps import fetch\n",
    "pkg/circle_a.py": "from .circle_b import x\n",
    "pkg/circle_b.py": "from .circle_a import x\n",
    "pkg/gone.py": "from not_installed import x\n",
    "pkg/broken.py": "def (:\n",
    "namespace/inner.py": "def f(): ...\n",
}


@pytest.fixture
def roots(tmp_path: Path) -> tuple[str, ...]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return (str(tmp_path),)


@pytest.mark.parametrize(
    ("module", "name", "defined_in"),
    [
        ("pkg.steps", "fetch", "pkg.steps"),
        ("pkg.steps", "alias", "pkg.steps"),
        ("pkg", "exported", "pkg.steps"),
        ("pkg", "fetch", "pkg.steps"),
        ("pkg.guarded", "fetch", "pkg.steps"),
        ("pkg.typed", "fetch", "pkg.steps"),
        ("pkg.deep", "fetch", "pkg.steps"),
        ("namespace.inner", "f", "namespace.inner"),
        ("json", "dumps", "json"),
    ],
)
def test_a_name_is_found_where_it_is_defined(module: str, name: str, defined_in: str, roots: tuple[str, ...]) -> None:
    found = modules.find(module, name, roots)
    assert isinstance(found, Definition)
    assert (found.module, isinstance(found.node, ast.FunctionDef)) == (defined_in, True)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("pkg.steps", "call"),
        ("pkg.lazy", "anything"),
        ("pkg.circle_a", "x"),
        ("pkg.gone", "x"),
        ("pkg", "steps"),
        ("namespace", "f"),
        ("math", "sqrt"),
        ("sys", "exit"),
        ("yaml._yaml", "CParser"),
        ("airflow.operators.bash", "BashOperator"),
    ],
)
def test_what_reading_cannot_tell_is_unknown(module: str, name: str, roots: tuple[str, ...]) -> None:
    assert modules.find(module, name, roots) is UNKNOWN


@pytest.mark.parametrize(
    ("module", "name", "missing", "known"),
    [
        ("pkg.steps", "fecth", "fecth", "fetch"),
        ("pkg.stpes", "fetch", "", "pkg.steps"),
        ("pgk", "fetch", "", "pkg"),
    ],
)
def test_what_is_certainly_not_there_comes_with_what_is(
    module: str, name: str, missing: str, known: str, roots: tuple[str, ...]
) -> None:
    found = modules.find(module, name, roots)
    assert isinstance(found, MissingDefinition)
    assert (found.module, found.name, known in found.known) == (module, missing, True)


def test_a_module_that_cannot_be_parsed_is_none(roots: tuple[str, ...]) -> None:
    assert modules.find("pkg.broken", "x", roots) == modules.MissingDefinition(
        "pkg.broken", broken="line 1: invalid syntax"
    )


LAZY = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from shop_inner import Load

_names: dict[str, str] = {"Load": ".inner", "Store": ".inner"}

def __getattr__(name):
    if module := _names.get(name):
        import importlib
        return getattr(importlib.import_module(module), name)
    raise AttributeError(name)
"""


def test_names_that_are_imported_when_they_are_asked_for_are_those_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "shop_lazy.py").write_text(LAZY)
    (tmp_path / "shop_inner.py").write_text("class Load: ...\nclass Store: ...\n")
    roots = (str(tmp_path),)
    assert isinstance(modules.find("shop_lazy", "Load", roots), modules.Definition)
    assert modules.find("shop_lazy", "Store", roots) is UNKNOWN
    assert isinstance(modules.find("shop_lazy", "Stor", roots), MissingDefinition)


@pytest.mark.parametrize(
    "changed",
    [
        LAZY.replace("    raise", "    if name == 'Other':\n        return 1\n    raise"),
        LAZY.replace("_names.get(name)", "found(name)"),
        LAZY.replace('"Store"', "STORE"),
    ],
)
def test_another_way_to_make_names_may_make_any(changed: str, tmp_path: Path) -> None:
    (tmp_path / "shop_made.py").write_text(changed)
    assert modules.find("shop_made", "Other", (str(tmp_path),)) is UNKNOWN
