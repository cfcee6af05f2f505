"""The place of a cursor in a YAML text; the cursor is written ``|``."""

from __future__ import annotations

import pytest

from airfleet.editor.spots import Position, spot, written_at

BEGIN = "dag_id: d\ntasks:\n"


def position(text: str) -> tuple[str, Position]:
    before, _, after = text.partition("|")
    return before + after, Position(before.count("\n"), len(before.rpartition("\n")[2]))


@pytest.mark.parametrize(
    ("text", "path", "is_key", "typed"),
    [
        ("dag_id: d\nsched|", (), True, "sched"),
        ("dag_id: d\n|\ntasks: []", (), True, ""),
        ("dag_id: d\nsched|: x", (), True, "sched"),
        (BEGIN + "- id: a\n  us|", ("tasks", 0), True, "us"),
        (BEGIN + "- id: a\n  uses: ba|", ("tasks", 0, "uses"), False, "ba"),
        (BEGIN + "- id: a\n  uses: |", ("tasks", 0, "uses"), False, ""),
        (BEGIN + "- {id: a, us|}", ("tasks", 0), True, "us"),
        (BEGIN + "- {id: a, uses: |}", ("tasks", 0, "uses"), False, ""),
        (BEGIN + "- {id: a, needs: [b, c|]}", ("tasks", 0, "needs", 1), False, "c"),
        (BEGIN + "- id: a\n  with:\n    ba|\n  needs: []", ("tasks", 0, "with"), True, "ba"),
        (BEGIN + "- id: a\n  with: {x: {$x: |}}", ("tasks", 0, "with", "x", "$x"), False, ""),
        (BEGIN + "- group: g\n  tasks:\n  - id: b\n    ret|", ("tasks", 0, "tasks", 0), True, "ret"),
        ("dag_id: d\n---\ndag_id: e\ndefaults:\n  retr|\n", ("defaults",), True, "retr"),
        ("dag_id: 'x ${{ job.n|'\njobs: []", ("dag_id",), False, "job.n"),
    ],
)
def test_a_place_has_a_path_whatever_is_unfinished_there(
    text: str, path: tuple[object, ...], is_key: bool, typed: str
) -> None:
    found = spot(*position(text))
    assert found is not None
    assert (found.path, found.is_key, found.typed) == (path, is_key, typed)


@pytest.mark.parametrize("text", ["- a\n- |", "a: [\n|", "# |", ""])
def test_a_place_outside_of_a_document_has_none(text: str) -> None:
    found = spot(*position(text))
    assert found is None or found.path == ()


def test_a_place_after_the_end_has_none() -> None:
    assert spot("a: b", Position(7, 0)) is None


@pytest.mark.parametrize(
    ("text", "path", "is_key"),
    [
        ("dag_|id: d", ("dag_id",), True),
        ("dag_id: |d", ("dag_id",), False),
        (BEGIN + "- {id: a, needs: ['b|c']}", ("tasks", 0, "needs", 0), False),
    ],
)
def test_the_word_under_a_position_is_found(text: str, path: tuple[object, ...], is_key: bool) -> None:
    found = written_at(*position(text))
    assert found is not None
    assert (found.path, found.is_key) == (path, is_key)


def test_between_words_there_is_none() -> None:
    assert written_at("a: b\n\n", Position(1, 0)) is None
