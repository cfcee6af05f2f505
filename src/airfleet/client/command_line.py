"""The words of the command line, kept with click's context for hints that say the same command again."""

from __future__ import annotations

from collections.abc import Sequence

import click

_KEY = "airfleet.words"


def keep(context: click.Context, words: Sequence[str]) -> None:
    """Keep the words of this call."""
    context.meta[_KEY] = tuple(words)


def words() -> tuple[str, ...]:
    """Give the words of this call; none outside a command."""
    context = click.get_current_context(silent=True)
    return tuple(context.meta.get(_KEY, ())) if context else ()
