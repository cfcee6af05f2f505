"""An annotation, as it stands in the source, says which kind of value an argument takes, or nothing."""

from __future__ import annotations

import pytest

from airfleet.pipelines.analysis.annotations import is_mapping_of_texts, items_in, kind_in, words_in


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ("int", "integer"),
        ("int | None", "integer"),
        ("Optional[int]", "integer"),
        ("typing.Optional[int]", "integer"),
        ("'int | None'", "integer"),
        ("float", "number"),
        ("int | float", "number"),
        ("Union[int, float, None]", "number"),
        ("bool", "boolean"),
        ("bool | ArgNotSet", "boolean"),
        ("Callable[..., bool]", "function"),
        ("Callable[[Context], None] | None", "function"),
        ("timedelta", "duration"),
        ("datetime.timedelta | None", "duration"),
        ("timedelta | float", "duration"),
        ("timedelta | relativedelta", "duration"),
    ],
)
def test_a_plain_annotation_has_a_kind(annotation: str, kind: str) -> None:
    assert kind_in(annotation) == kind


@pytest.mark.parametrize(
    "annotation",
    [
        "str",
        "int | str",
        "bool | int",
        "timedelta | str",
        "list[int]",
        "Any",
        "T",
        "None",
        "",
        "<class 'int'>",
        "int |",
    ],
)
def test_any_other_annotation_has_none(annotation: str) -> None:
    assert kind_in(annotation) is None


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ("dt.date | None", {"date"}),
        ("Union[str, 'pathlib.Path']", {"str", "Path"}),
        ("list[int] | None", {"list"}),
        ("ArgNotSet | None", set()),
        ("<object object at 0x1>", set()),
    ],
)
def test_the_classes_of_an_annotation_are_known_by_their_bare_names(annotation: str, words: set[str]) -> None:
    assert words_in(annotation) == words


@pytest.mark.parametrize(
    ("annotation", "items"),
    [
        ("Iterable[DateTime]", {"DateTime"}),
        ("list[dt.date | None]", {"date", "None"}),
        ("typing.Sequence[Union[str, int]]", {"str", "int"}),
        ("dict[str, int]", set()),
        ("DateTime", set()),
        ("list[", set()),
    ],
)
def test_items_are_those_of_lists_alone(annotation: str, items: set[str]) -> None:
    assert items_in(annotation) == items


@pytest.mark.parametrize(
    ("annotation", "is_it"),
    [
        ("dict[str, str]", True),
        ("Mapping[str, str] | None", True),
        ("Optional[typing.Dict[str, str]]", True),
        ("'dict[str, str] | None'", True),
        ("dict[str, Any]", False),
        ("dict[str, str] | str", False),
        ("dict", False),
        ("None", False),
        ("dict[str, str", False),
    ],
)
def test_only_names_with_texts_are_a_mapping_of_texts(annotation: str, is_it: bool) -> None:
    assert is_mapping_of_texts(annotation) is is_it
