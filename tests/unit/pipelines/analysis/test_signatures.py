"""Arguments of functions and classes are read from their source, also those that pass through ``**kwargs``."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from airfleet.pipelines.analysis.signatures import ClassFacts, Signature, class_facts, signature


def of_function(written: str) -> Signature:
    """Read the signature of ``def f(<written>)``."""
    function = ast.parse(f"def f({written}): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    return signature(function.args)


@pytest.mark.parametrize(
    ("written", "parameters", "is_open"),
    [
        ("", {}, False),
        ("a, b=1", {"a": True, "b": False}, False),
        ("a, *, b, c=1", {"a": True, "b": True, "c": False}, False),
        ("a, **more", {"a": True}, True),
        ("a, /, b", {"a": True, "b": True}, True),
        ("a, *more", {"a": True}, False),
    ],
)
def test_a_function_takes_its_parameters_by_name(written: str, parameters: dict[str, bool], is_open: bool) -> None:
    found = of_function(written)
    assert (found.parameters, found.open) == (parameters, is_open)


def test_what_must_be_given_has_no_default() -> None:
    assert of_function("a, b=1, *, c, d=None").required == ("a", "c")


def test_kinds_come_from_annotations() -> None:
    assert of_function("a: int, b: 'timedelta | None' = None, c: str = '', d=1").kinds == {
        "a": "integer",
        "b": "duration",
    }


CLASSES = """
import dataclasses
from typing import Generic, TypeVar
from elsewhere import Far

class BaseOperator: ...

class Plain(BaseOperator):
    template_fields = ("a", "b")
    def __init__(self, *, a: int, b=None, **kwargs):
        super().__init__(**kwargs)

class Child(Plain):
    template_fields = (*Plain.template_fields, "c")
    def __init__(self, c: bool = False, **kwargs):
        super().__init__(b=1, **kwargs)

class Inherits(Plain): ...

class Closed(Plain):
    def __init__(self, only):
        super().__init__(a=1)

class Pops(BaseOperator):
    def __init__(self, **kwargs):
        self.x = kwargs.pop("x", None)
        self.y = kwargs["y"] if "y" in kwargs else kwargs.get("z")
        super().__init__(**kwargs)

class Mixed(LoggingMixin, Plain): ...

class Distant(Far): ...

class Grows(Plain):
    template_fields = ["a"]
    template_fields.append("d")

class Sums(Plain):
    template_fields = tuple(set(Plain.template_fields) | {"e"})

class Computed(Plain):
    template_fields = names_of("something")

class Item(Generic[T]):
    def __init__(self, value: T): ...

@dataclasses.dataclass
class Written:
    value: int

class Circle(Loop): ...
class Loop(Circle): ...
"""


@pytest.fixture
def facts(tmp_path: Path) -> dict[str, ClassFacts]:
    """What is read of each class of a module."""
    (tmp_path / "shop_operators.py").write_text(CLASSES)
    names = [node.name for node in ast.parse(CLASSES).body if isinstance(node, ast.ClassDef)]
    return {name: class_facts("shop_operators", name, (str(tmp_path),)) for name in names}


def test_a_class_takes_what_its_constructor_and_its_bases_take(facts: dict[str, ClassFacts]) -> None:
    assert facts["Plain"].parameters == {"a": True, "b": False}
    assert facts["Inherits"].parameters == {"a": True, "b": False}
    assert facts["Child"].parameters == {"a": True, "c": False}, "b is given by the class itself"
    assert facts["Closed"].parameters == {"only": True}


def test_names_that_are_looked_up_in_kwargs_may_be_given(facts: dict[str, ClassFacts]) -> None:
    assert facts["Pops"].parameters == {"x": False, "y": False, "z": False}


def test_a_class_is_an_operator_when_one_of_its_bases_is(facts: dict[str, ClassFacts]) -> None:
    operators = {name for name, found in facts.items() if found.is_operator}
    assert operators >= {"Plain", "Child", "Inherits", "Closed", "Pops", "Mixed"}
    assert not operators & {"Item", "Written", "Distant"}


def test_a_base_that_cannot_be_read_may_take_anything(facts: dict[str, ClassFacts]) -> None:
    assert facts["Distant"].open
    assert facts["Distant"].template_fields is None
    assert facts["Written"].open, "a decorator writes its constructor"
    assert facts["Circle"].open
    assert not facts["Child"].open


def test_rendered_fields_are_followed_through_bases_sums_and_unions(facts: dict[str, ClassFacts]) -> None:
    assert facts["Child"].template_fields == ("a", "b", "c")
    assert facts["Inherits"].template_fields == ("a", "b")
    assert set(facts["Sums"].template_fields or ()) == {"a", "b", "e"}


def test_rendered_fields_that_are_changed_or_computed_are_not_known(facts: dict[str, ClassFacts]) -> None:
    assert facts["Grows"].template_fields is None
    assert facts["Computed"].template_fields is None


def test_an_argument_taken_anew_has_the_kind_that_the_class_itself_says(facts: dict[str, ClassFacts]) -> None:
    assert facts["Child"].annotations == {"a": "int", "c": "bool"}


def test_the_lineage_names_the_class_and_its_bases(facts: dict[str, ClassFacts]) -> None:
    assert facts["Child"].lineage == {"Child", "Plain"}
    assert "Far" in facts["Distant"].lineage
