"""Endings of files that operators take in place of texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.analysis.template_files import endings


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("airflow.providers.standard.operators.bash.BashOperator", (".sh", ".bash")),
        ("airflow.providers.standard.operators.empty.EmptyOperator", ()),
        ("no.such.Operator", ()),
        ("Operator", ()),
    ],
)
def test_endings(path: str, found: tuple[str, ...]) -> None:
    assert endings(path) == found


def test_endings_of_a_class_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "class A:\n    template_ext: tuple = ('.sql', x)\nclass B(A): ...\nclass C(C): ...\n"
        "class D:\n    template_ext = f()\n"
    )
    roots = (str(tmp_path),)
    assert [endings(f"own.{name}", roots) for name in "ABCD"] == [(".sql",), (".sql",), (), ()]
