"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import airfleet

SOURCE = Path(airfleet.__file__).parent


def modules_with_examples() -> list[str]:
    """Name every module whose source has an example."""
    files = (file for file in SOURCE.rglob("*.py") if ">>> " in file.read_text())
    return sorted(".".join(("airfleet", *file.relative_to(SOURCE).with_suffix("").parts)) for file in files)


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_a_module_are_true(name: str) -> None:
    done = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert done.attempted, f"{name} has examples that doctest does not find"
    assert done.failed == 0


def test_there_are_examples() -> None:
    assert len(modules_with_examples()) > 25
