"""Abilities of the terminal: colour, live displays, columns of text."""

from __future__ import annotations

import io

import pytest

from airfleet.cli.output import terminal


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "is_terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": ""}, True, True),
    ],
)
def test_colour_is_for_terminals_unless_the_environment_says_otherwise(
    environ: dict[str, str], is_terminal: bool, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert terminal.coloured(Screen() if is_terminal else io.StringIO()) is coloured


@pytest.mark.parametrize(
    ("environ", "live"),
    [({}, True), ({"CI": "true"}, False), ({"CI": "0"}, True), ({"CI": "false"}, True), ({"TERM": "dumb"}, False)],
)
def test_a_display_redraws_itself_on_a_terminal_outside_of_ci(
    environ: dict[str, str], live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stderr", Screen())
    assert terminal.is_live() is live


@pytest.mark.parametrize(
    ("text", "cells"), [("", 0), ("abc", 3), ("取得", 4), ("e\N{COMBINING ACUTE ACCENT}", 1), ("✓", 1)]
)
def test_wide_characters_take_two_columns_and_combining_ones_none(text: str, cells: int) -> None:
    assert terminal.cells(text) == cells


def test_codes_of_colour_take_no_column() -> None:
    red = terminal.style("ab", fg="red")
    assert terminal.fill(red, 4) == f"{red}  "
    assert terminal.fill("abcdef", 4) == "abcdef"


def test_nobody_agrees_where_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert not terminal.agrees("Delete everything?")
