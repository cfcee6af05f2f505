"""Texts stand for the members of an enumeration that an annotation names."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.analysis.enums import texts_of

SOURCE = """
import enum
from enum import Enum, StrEnum, auto

class Colour(Enum):
    RED = "red"
    BLUE = "blue"

class Size(enum.StrEnum):
    SMALL = "s"

class Number(Enum):
    ONE = 1

class Made(Enum):
    ONE = auto()

class Plain:
    RED = "red"
"""


@pytest.mark.parametrize(
    ("annotation", "texts"),
    [
        ("Colour", ("red", "blue")),
        ("Colour | None", ("red", "blue")),
        ("Optional[Size]", ("s",)),
        ("Colour | str", None),
        ("Number", None),
        ("Made", None),
        ("Plain", None),
        ("Nothing", None),
        ("str", None),
        ("", None),
    ],
)
def test_texts_of_an_enumeration(annotation: str, texts: tuple[str, ...] | None, tmp_path: Path) -> None:
    (tmp_path / "shop_enum.py").write_text(SOURCE)
    assert texts_of(annotation, "shop_enum", (str(tmp_path),)) == texts
