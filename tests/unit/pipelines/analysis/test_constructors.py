"""Arguments of classes and functions that make objects are read from their source."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.analysis.constructors import ConstructorArguments, Maker, maker
from airfleet.pipelines.analysis.modules import UNKNOWN, MissingDefinition

SOURCE = """
import enum
from dataclasses import dataclass, field
from typing import ClassVar

class Plain:
    def __init__(self, a, b: int = 1, *more: str, c, d=2): ...

class Below(Plain):
    template_fields = ("e",)
    def __init__(self, e, **kwargs):
        super().__init__(c=1, **kwargs)

class Swallows(Plain):
    def __init__(self, e, **kwargs):
        self.options = kwargs

class Inherits(Plain): ...

class Made:
    def __new__(cls, a): ...

@dataclass
class Fields:
    kind: ClassVar[str] = "x"
    a: int
    b: list = field(default_factory=list)
    hidden: int = field(default=1, init=False)

@dataclass
class More(Fields):
    c: str = ""

@strange
class Strange:
    a: int

class Colour(enum.Enum):
    RED = "red"

class Nothing: ...

def function(a, /, b, *, c=1): ...

@strange
def decorated(a): ...

class Methods:
    ready = True
    @classmethod
    def of(cls, a): ...
    @staticmethod
    def plain(a): ...
    def bound(self, a): ...
"""


@pytest.mark.parametrize(
    ("name", "names", "required", "is_open"),
    [
        ("Plain", ["a", "b", "c", "d", "more"], ("a", "c"), False),
        ("Below", ["a", "b", "d", "e", "more"], ("e", "a"), False),
        ("Swallows", ["e"], ("e",), True),
        ("Inherits", ["a", "b", "c", "d", "more"], ("a", "c"), False),
        ("Made", ["a"], ("a",), False),
        ("Fields", ["a", "b"], ("a",), False),
        ("More", ["a", "b", "c"], ("a",), False),
        ("Nothing", [], (), False),
        ("function", ["a", "b", "c"], ("a", "b"), True),
        ("Methods.of", ["a"], ("a",), False),
        ("Methods.plain", ["a"], ("a",), False),
    ],
)
def test_arguments(name: str, names: list[str], required: tuple[str, ...], is_open: bool, tmp_path: Path) -> None:
    (tmp_path / "shop_c.py").write_text(SOURCE)
    found = maker(f"shop_c.{name}", (str(tmp_path),))
    assert isinstance(found, Maker)
    assert found.takes is not None
    assert (sorted(found.takes.annotations), found.takes.required) == (names, required)
    assert found.takes.open is is_open


@pytest.mark.parametrize("name", ["Strange", "decorated", "Methods.bound"])
def test_arguments_that_reading_cannot_tell(name: str, tmp_path: Path) -> None:
    (tmp_path / "shop_c.py").write_text(SOURCE)
    found = maker(f"shop_c.{name}", (str(tmp_path),))
    assert isinstance(found, Maker)
    assert found.takes is None


def test_places_of_arguments_without_names(tmp_path: Path) -> None:
    (tmp_path / "shop_c.py").write_text(SOURCE)
    found = maker("shop_c.Plain", (str(tmp_path),))
    assert isinstance(found, Maker)
    annotations = {"a": "", "b": "int", "c": "", "d": "", "more": "list[str]"}
    modules = dict.fromkeys(annotations, "shop_c")
    assert found.takes == ConstructorArguments(annotations, ("a", "c"), False, ("a", "b"), "more", modules)


def test_rendered_attributes(tmp_path: Path) -> None:
    (tmp_path / "shop_c.py").write_text(SOURCE)
    fields = [maker(f"shop_c.{name}", (str(tmp_path),)) for name in ("Below", "Plain", "function")]
    assert [found.template_fields for found in fields if isinstance(found, Maker)] == [{"e"}, set(), None]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("shop_c.Non", ("shop_c", "Non")),
        ("shop_nothing.Plain", ("shop_nothing", "")),
        ("shop_c.Non.of", ("shop_c", "Non")),
        ("Nothing.of", ("Nothing", "")),
    ],
)
def test_what_is_certainly_not_there(path: str, answer: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "shop_c.py").write_text(SOURCE)
    found = maker(path, (str(tmp_path),))
    assert isinstance(found, MissingDefinition)
    assert (found.module, found.name) == answer


def test_what_may_be_there(tmp_path: Path) -> None:
    (tmp_path / "shop_c.py").write_text(SOURCE)
    assert maker("shop_c.Methods.ready", (str(tmp_path),)) is UNKNOWN
    assert maker("datetime.timedelta") is not MissingDefinition
