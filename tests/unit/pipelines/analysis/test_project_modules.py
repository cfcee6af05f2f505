"""A module's sources are those of the project that importing it needs, found without importing."""

from __future__ import annotations

from pathlib import Path

from airfleet.pipelines.analysis.project_modules import sources


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        file = root / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_all_modules_of_the_project_that_are_imported_are_there(tmp_path: Path) -> None:
    write(
        tmp_path,
        shop__steps="import json\nfrom shop import words\nfrom .more import x\ndef f():\n    import alone\n",
        shop__words="import numpy, shop.deep.core as c\n",
        shop__more="from shop.steps import f\nx = 1\n",
        shop__deep__core="from .. import other\nfrom ..gone import y\n",
        shop__other="not python(\n",
        alone="",
        unused="",
    )
    (tmp_path / "shop/__init__.py").write_text("")
    found = sources("shop.steps", tmp_path)
    assert sorted(found) == [
        "alone.py", "shop/__init__.py", "shop/deep/core.py", "shop/more.py", "shop/other.py", "shop/steps.py",
        "shop/words.py",
    ]  # fmt: skip
    assert found["shop/more.py"] == "from shop.steps import f\nx = 1\n"


def test_installed_modules_are_not(tmp_path: Path) -> None:
    write(tmp_path, steps="import click\n")
    installed = tmp_path / ".venv/lib/site-packages"
    installed.mkdir(parents=True)
    assert list(sources("steps", tmp_path)) == ["steps.py"]
    assert sources("nowhere", tmp_path) == {}
