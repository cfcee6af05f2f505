"""What an error of the database says: is it away, or was it asked for something that cannot be? Imports no database.

An error of the first kind concerns everybody and passes; one of the second concerns whoever gave the value, and comes
again each time. They are told apart by the five characters of SQLSTATE.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

#: connection lost, transaction has to be tried again, no resources, held by others, operator's intervention, system
_PASSING = frozenset({"08", "40", "53", "55", "57", "58"})
#: a standby that takes no writes, as the primary is for a moment after a failover; a session ended for being idle, or
#: because its transaction took too long
_PASSING_ALONE = frozenset({"25006", "25P03", "25P04"})
_AWAY = frozenset({"OperationalError", "InterfaceError", "ConnectionTimeout", "TimeoutError"})


def passes(error: BaseException) -> bool:
    """Whether the same question may be answered later, as far as the database tells."""
    cause = getattr(error, "orig", None) or error
    if getattr(error, "connection_invalidated", False):
        return True
    state = getattr(cause, "sqlstate", None)
    if state:
        return state[:2] in _PASSING or state in _PASSING_ALONE
    return type(cause).__name__ in _AWAY or type(error).__name__ in _AWAY


def in_words(error: BaseException) -> str:
    """What happened, without the statement and its values, which may be secret or long."""
    cause = getattr(error, "orig", None) or error
    text = str(cause).strip().split("\n")[0][:300]
    name = type(cause).__name__
    return text if getattr(cause, "sqlstate", None) else f"{name}: {text}" if text else name


@dataclass
class First:
    """The first error that the database gave; what follows from it often hides it."""

    error: BaseException | None = None


@contextmanager
def noticing(engine: Any) -> Iterator[First]:
    """Remember the first error of a statement in the block."""
    from sqlalchemy import event

    first = First()

    def note(context: Any) -> None:
        first.error = first.error or context.original_exception

    event.listen(engine, "handle_error", note)
    try:
        yield first
    finally:
        event.remove(engine, "handle_error", note)


def storable(text: str, most: int = 100_000) -> str:
    """A text as PostgreSQL can store it: no NUL, no lone surrogates, not endless.

    >>> storable("a\\0b"), storable("x" * 20, most=10)
    ('a\\\\x00b', 'xxxxxxxxxx ...')
    """
    text = text if len(text) <= most else text[:most] + " ..."
    return text.replace("\0", "\\x00").encode(errors="backslashreplace").decode()
