"""Abilities of the terminal, and the two ways to speak: data to stdout, talk to stderr.

Colour and live displays need a terminal. ``NO_COLOR`` turns colour off, ``FORCE_COLOR`` turns
it on, ``CI=1`` and ``TERM=dumb`` turn live displays off. Nothing is said by colour alone.
"""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any, TextIO

import click

WIDTH_WITHOUT_TERMINAL = 120


def say(text: str = "") -> None:
    """Write a line for the person to stderr."""
    click.echo(text, err=True, color=coloured(sys.stderr))


def warn(sentences: Iterable[str]) -> None:
    """Write warnings to stderr, a line for each."""
    for sentence in sentences:
        say(f"warning: {sentence}")


def put(text: str) -> None:
    """Write a line of data to stdout."""
    click.echo(text, color=coloured(sys.stdout))


def agrees(question: str) -> bool:
    """Ask a person for a yes; where nobody can be asked, it is no."""
    return sys.stdin.isatty() and sys.stderr.isatty() and click.confirm(question, default=False, err=True)


def is_live() -> bool:
    """Tell whether a display may redraw itself on stderr."""
    quiet = os.environ.get("CI", "") not in ("", "0", "false") or os.environ.get("TERM") == "dumb"
    return sys.stderr.isatty() and not quiet


def coloured(stream: TextIO) -> bool:
    """Tell whether colour may be written to ``stream``."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Columns of the terminal; 120 when there is none."""
    return shutil.get_terminal_size((WIDTH_WITHOUT_TERMINAL, 24)).columns


def height() -> int:
    """Count the rows of the terminal."""
    return shutil.get_terminal_size((WIDTH_WITHOUT_TERMINAL, 24)).lines


def style(text: str, **how: Any) -> str:
    """Colour ``text``; :func:`say` and :func:`put` remove it where it may not be."""
    return click.style(text, **how)


def cells(text: str) -> int:
    """Count the columns of ``text``: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fill(text: str, columns: int) -> str:
    """Fill ``text`` with spaces up to ``columns``; colour codes take no column."""
    return text + " " * max(0, columns - cells(click.unstyle(text)))


def seconds(value: float | None) -> str:
    """Write a duration for people.

    >>> [seconds(0.52), seconds(12.3), seconds(75), seconds(3700), seconds(200000)]
    ['0.5s', '12.3s', '1m15s', '1h01m', '2d07h']
    """
    if value is None:
        return ""
    if value < 60:
        return f"{value:.1f}s"
    whole = int(value)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"
