"""Errors of the database in two kinds: an outage passes, a wrong value fails again. Imports no driver.

The five characters of SQLSTATE tell them apart. An outage concerns every caller, a wrong value the one that gave it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

#: classes of SQLSTATE: connection lost, transaction to be retried, no resources, object in use, operator, system
_PASSING = frozenset({"08", "40", "53", "55", "57", "58"})
#: a standby that takes no writes, as the primary is for a moment after a failover; a session that was ended for being
#: idle, or because its transaction took too long
_PASSING_ALONE = frozenset({"25006", "25P03", "25P04"})
_AWAY = frozenset({"OperationalError", "InterfaceError", "ConnectionTimeout", "TimeoutError"})


def passes(error: BaseException) -> bool:
    """Return whether the same statement may succeed later, by the SQLSTATE of the error."""
    cause = getattr(error, "orig", None) or error
    if getattr(error, "connection_invalidated", False):
        return True
    state = getattr(cause, "sqlstate", None)
    if state:
        return state[:2] in _PASSING or state in _PASSING_ALONE
    return type(cause).__name__ in _AWAY or type(error).__name__ in _AWAY


def in_words(error: BaseException) -> str:
    """Describe an error in one line, without the statement and its values, which may be secret or long."""
    cause = getattr(error, "orig", None) or error
    text = str(cause).strip().split("\n")[0][:300]
    name = type(cause).__name__
    return text if getattr(cause, "sqlstate", None) else f"{name}: {text}" if text else name


@dataclass
class FirstError:
    """The first error that the database gave; errors that follow from it often hide it."""

    error: BaseException | None = None


@contextmanager
def noticing(engine: Any) -> Iterator[FirstError]:
    """Record the first error of a statement in the block."""
    from sqlalchemy import event

    first = FirstError()

    def note(context: Any) -> None:
        first.error = first.error or context.original_exception

    event.listen(engine, "handle_error", note)
    try:
        yield first
    finally:
        event.remove(engine, "handle_error", note)


def storable(text: str, most: int = 100_000) -> str:
    """Return a text as PostgreSQL can store it: no NUL, no lone surrogates, at most ``most`` characters.

    >>> storable("a\\0b"), storable("x" * 20, most=10)
    ('a\\\\x00b', 'xxxxxxxxxx ...')
    """
    text = text if len(text) <= most else text[:most] + " ..."
    return text.replace("\0", "\\x00").encode(errors="backslashreplace").decode()
