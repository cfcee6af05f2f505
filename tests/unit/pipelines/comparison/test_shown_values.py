"""Values are written as they stand in a pipeline file."""

from __future__ import annotations

import datetime as dt

import pytest

from airfleet.pipelines.comparison.shown_values import shown
from airfleet.pipelines.language.spec import (
    Asset,
    AssetAlias,
    AssetReference,
    CallableRef,
    Callback,
    Const,
    FileText,
    GroupItem,
    JinjaText,
    NewObject,
    OperatorRef,
    Part,
    Timetable,
    XCom,
)

FUNCTION = CallableRef("shop", "load")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "true"),
        ("a", "'a'"),
        (dt.timedelta(minutes=90), "90m"),
        (dt.date(2026, 1, 31), "2026-01-31"),
        (Part.SETUP, "setup"),
        ({"a": (1, 2.5)}, "{a: [1, 2.5]}"),
        (OperatorRef("a.B", "bash"), "bash"),
        (FUNCTION, "shop:load"),
        (Callback(FUNCTION), "shop:load"),
        (Callback(FUNCTION, {"a": 1}), "{uses: shop:load, with: {a: 1}}"),
        (XCom("a"), "{$x: a}"),
        (XCom("a", "k"), "{$x: {task: a, key: k}}"),
        (JinjaText(FileText("a.sql")), "{$t: {$f: a.sql}}"),
        (GroupItem("n"), "{$item: n}"),
        (Const({"$x": 1}), '{$const: {"$x": 1}}'),
        (NewObject("a.B"), "{$new: a.B, …}"),
        (Timetable("a.B"), "a.B"),
        (Timetable("a.B", {"x": 1}), "a.B with {x: 1}"),
        (Asset("s3://a", "s3://a", is_short=True), "s3://a"),
        (Asset("a", "s3://a"), "{name: a, uri: s3://a}"),
        (AssetAlias("a"), "{alias: a}"),
        (AssetReference("a"), "{ref: a}"),
        ("x" * 100, f"'{'x' * 78}…"),
    ],
)
def test_a_value_is_written_as_in_its_file(value: object, text: str) -> None:
    assert shown(value) == text
