"""Comments that silence problems of their lines."""

from __future__ import annotations

import time

import pytest

from airfleet.errors import Place, Problem
from airfleet.pipelines.checks.doubts.ignores import applied, ignores_in, remarks
from airfleet.problem_codes import Code

FILE = "a.yaml"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("a: 1  # airfleet: ignore AF200", ("AF200",)),
        ("# airfleet: ignore AF200", ("AF200",)),
        ("a: 1 #airfleet: ignore af200, AF205", ("AF200", "AF205")),
        ("a: 1  # airfleet: ignore AF200 AF205 (an example, AF206)", ("AF200", "AF205")),
        ("a: it's  # airfleet: ignore AF200", ("AF200",)),
        ("a: 'it''s'  # airfleet: ignore AF200", ("AF200",)),
        ('a: "say \\"x\\""  # airfleet: ignore AF200', ("AF200",)),
        ("a: 1  # airfleet: ignore", ()),
    ],
)
def test_codes_of_a_comment(text: str, codes: tuple[str, ...]) -> None:
    assert [one.codes for one in ignores_in(f"x: 0\n{text}\n", FILE)] == [codes]
    assert [one.place.line for one in ignores_in(f"x: 0\n{text}\n", FILE)] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "a: b# airfleet: ignore AF200",
        'a: "b # airfleet: ignore AF200"',
        "a: [x, '# airfleet: ignore AF200']",
        "a: 1  # airfleet ignore AF200",
        "a: 1  # airfleet: ignored AF200",
    ],
)
def test_what_is_no_such_comment(text: str) -> None:
    assert ignores_in(text, FILE) == ()


def test_a_file_full_of_comments_is_read_in_linear_time() -> None:
    text = "a: 1  # airfleet: ignore AF200\n" * 100_000
    begun = time.monotonic()
    found = ignores_in(text, FILE)
    assert time.monotonic() - begun < 5
    assert (len(found), found[-1].place) == (100_000, Place(FILE, 100_000, 7))


@pytest.mark.parametrize("text", [" " * 200_000, "'" * 200_000, "#" * 200_000, "# airfleet: ignore " * 20_000])
def test_odd_lines_take_no_long_time(text: str) -> None:
    begun = time.monotonic()
    ignores_in(f"{text}# airfleet: ignore AF200", FILE)
    assert time.monotonic() - begun < 5


def found(code: Code, line: int = 1) -> Problem:
    return Problem(Place(FILE, line, 4), "a", "is so", None, code)


@pytest.mark.parametrize(
    ("comment", "problem", "kept", "said"),
    [
        ("AF200", Code.NOT_RENDERED, False, []),
        ("AF200, AF205", Code.NOT_RENDERED, False, ["AF205 is silenced, and is not here"]),
        ("AF205", Code.NOT_RENDERED, True, ["AF205 is silenced, and is not here"]),
        ("AF140", Code.QUEUE_WITHOUT_WORKER, False, []),
        ("AF012", Code.UNKNOWN_KEY, True, ["AF012 cannot be silenced"]),
        ("AF220", Code.NOT_RENDERED, True, ["AF220 cannot be silenced"]),
        ("AF2000", Code.NOT_RENDERED, True, ["there is no code 'AF2000'"]),
        ("AF000", Code.NOT_RENDERED, True, ["there is no code 'AF000'"]),
        ("", Code.NOT_RENDERED, True, ["this comment names no code, and silences nothing"]),
    ],
)
def test_what_a_comment_silences(comment: str, problem: Code, kept: bool, said: list[str]) -> None:
    ignores = ignores_in(f"a: 1  # airfleet: ignore {comment}", FILE)
    problems = [found(problem)]
    assert applied(problems, ignores) == (problems if kept else [])
    assert [remark.sentence for remark in remarks(problems, ignores)] == said
    assert all(not remark.code.can_be_silenced for remark in remarks(problems, ignores))


def test_a_comment_is_for_its_line_alone() -> None:
    ignores = ignores_in("a: 1  # airfleet: ignore AF200\nb: 2\n", FILE)
    assert applied([found(Code.NOT_RENDERED, 2)], ignores) == [found(Code.NOT_RENDERED, 2)]
