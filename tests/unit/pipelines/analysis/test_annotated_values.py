"""Literals and outputs beside the annotations of parameters: what certainly does not fit is seen, nothing else."""

from __future__ import annotations

import datetime as dt

import pytest

from airfleet.pipelines.analysis.annotated_values import agrees, misfit
from airfleet.pipelines.language.spec import Const, JinjaText, Value, XCom

DAY, MOMENT = dt.date(2026, 1, 31), dt.datetime(2026, 1, 31, 6)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        ("a", "str"), ("a", "'str'"), ("a", "str | None"), ("a", "Optional[str]"), ("a", "t.Union[int, str]"),
        (5, "int"), (True, "int"), (5, "float"), (2.5, "float"), (True, "bool"),
        (("a",), "list"), (("a",), "list[str]"), (("a",), "tuple[str, ...]"), (("a",), "Sequence[str]"),
        (("a", 1), "tuple[str, int]"), ("ab", "Iterable[str]"), (({"a": 1},), "list[dict[str, int]]"),
        ({"a": 1}, "dict"), ({"a": 1}, "Mapping[str, int]"), ({"a": (1,)}, "dict[str, list[int]]"),
        (DAY, "dt.date"), (MOMENT, "dt.date"), (MOMENT, "datetime"),
        (None, "str"), ("a", ""), ("a", "not python("), ("a", "Any"), (5, "object"), ("a", "Rows"), (5, "Path | str"),
        ("a", "Literal['a']"), ("a", "Literal['a', 'b'] | None"), (5, "Literal['a', OTHER]"), (2, "t.Literal[1, 2]"),
        (XCom("t"), "int"), (JinjaText("x"), "int"), ((XCom("t"),), "list[int]"),
        (Const("a"), "str"), (dt.timedelta(1), "str"),
    ],
)  # fmt: skip
def test_a_literal_that_fits_or_may_fit(value: Value, annotation: str) -> None:
    assert misfit(value, annotation) is None


@pytest.mark.parametrize(
    ("value", "annotation", "path", "wanted", "shape", "hint", "is_clear"),
    [
        ("many", "int", "", "a whole number", "text", None, True),
        ("3", "int", "", "a whole number", "text", "write it without quotes", False),
        (2.5, "int", "", "a whole number", "a number", None, True),
        (("a",), "int | None", "", "a whole number", "a list", None, True),
        ("many", "float", "", "a number", "text", None, True),
        ("yes", "bool", "", "true or false", "text", None, True),
        ("true", "bool", "", "true or false", "text", "write it without quotes", False),
        (1, "bool", "", "true or false", "a whole number", None, False),
        (5, "str", "", "text", "a whole number", "put it in quotes: '5'", False),
        (True, "str", "", "text", "true or false", "put it in quotes: 'true'", False),
        (DAY, "str", "", "text", "a date", "put it in quotes: '2026-01-31'", False),
        (("a",), "str", "", "text", "a list", None, True),
        ({"a": 1}, "str", "", "text", "a mapping", None, True),
        ("a", "list[str]", "", "a list", "text", None, True),
        ({"a": 1}, "Sequence[int]", "", "a list", "a mapping", None, True),
        ("a", "dict[str, int]", "", "a mapping", "text", None, True),
        (("a", 1), "list[str]", "[1]", "text", "a whole number", "put it in quotes: '1'", False),
        (("a", {"b": 1}), "list[str] | None", "[1]", "text", "a mapping", None, True),
        ({"a": {"b": "x"}}, "dict[str, dict[str, int]]", ".a.b", "a whole number", "text", None, True),
        ("2026-01-31", "date", "", "a date", "text", None, False),
        (DAY, "datetime", "", "a date with time", "a date", None, False),
        (5, "date", "", "a date", "a whole number", None, True),
        ("5m", "timedelta", "", "a timedelta", "text", None, False),
        ("fsat", "Literal['fast', 'slow']", "", "'fast' or 'slow'", "'fsat'", "did you mean 'fast'?", True),
        (3, "Literal[1, 2] | None", "", "'1' or '2'", "a whole number", None, True),
        (("a",), "int | str", "", "a whole number or text", "a list", None, True),
        (Const(("a",)), "int", "", "a whole number", "a list", None, True),
    ],
)  # fmt: skip
def test_a_literal_that_does_not(
    value: Value, annotation: str, path: str, wanted: str, shape: str, hint: str | None, is_clear: bool
) -> None:
    found = misfit(value, annotation)
    assert found is not None
    assert (found.path, found.wanted, found.shape, found.hint, found.is_clear) == (path, wanted, shape, hint, is_clear)


@pytest.mark.parametrize(
    ("returned", "wanted"),
    [
        ("int", "float"), ("bool", "int"), ("str", "str | None"), ("str | None", "str"), ("list[int]", "list"),
        ("list[int]", "Sequence[float]"), ("tuple[str, ...]", "list[str]"), ("datetime", "date"), ("Rows", "str"),
        ("str", "Rows"), ("", "str"), ("str", ""), ("Any", "int"), ("dict[str, int]", "Mapping[str, str]"),
        ("None", "Any"), ("None", "str | None"), ("list[Row]", "list[str]"), ("str", "Iterable[str]"),
    ],
)  # fmt: skip
def test_outputs_that_agree_with_a_parameter(returned: str, wanted: str) -> None:
    assert agrees(returned, wanted)


@pytest.mark.parametrize(
    ("returned", "wanted"),
    [
        ("str", "int"), ("float", "int"), ("list[int]", "str"), ("list[int]", "list[str]"), ("dict", "list[str]"),
        ("None", "str"), ("None", "list[str]"), ("str | None", "int"), ("date", "datetime"), ("str", "list[str]"),
    ],
)  # fmt: skip
def test_outputs_that_do_not(returned: str, wanted: str) -> None:
    assert not agrees(returned, wanted)
