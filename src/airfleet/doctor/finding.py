"""The values of an examination: what was seen, in which state it is, and the next command."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The states of a check, from good to bad."""

    FINE = "fine"
    #: it could not be made; that is no good news
    UNKNOWN = "unknown"
    #: nothing is broken yet
    WARNING = "warning"
    WRONG = "wrong"


#: a check is as bad as the worst that it saw
_ORDER = tuple(State)


@dataclass(frozen=True)
class Seen:
    """One thing that a check saw, as a sentence; ``next`` is a command or the name of a place to change."""

    state: State
    sentence: str
    next: str = ""


@dataclass(frozen=True)
class Unknown:
    """A fact that could not be had: the reason, and what would make it known."""

    why: str
    next: str = ""


def fine(sentence: str) -> Seen:
    """Say what is as it should be."""
    return Seen(State.FINE, sentence)


def unknown(sentence: str, next: str = "") -> Seen:
    """Say what could not be seen."""
    return Seen(State.UNKNOWN, sentence, next)


def warning(sentence: str, next: str) -> Seen:
    """Say what will break one day, or breaks only something else."""
    return Seen(State.WARNING, sentence, next)


def wrong(sentence: str, next: str) -> Seen:
    """Say what is broken."""
    return Seen(State.WRONG, sentence, next)


def worst(states: Iterable[State]) -> State:
    """Return the worst of some states; fine for none.

    >>> worst([State.FINE, State.WRONG, State.UNKNOWN])
    <State.WRONG: 'wrong'>
    """
    return max(states, key=_ORDER.index, default=State.FINE)


def seen_or(found: Iterable[Seen], otherwise: str) -> tuple[Seen, ...]:
    """Return what was seen; where that is nothing, ``otherwise`` says what is fine.

    >>> seen_or([], "the disks have room")
    (Seen(state=<State.FINE: 'fine'>, sentence='the disks have room', next=''),)
    """
    return tuple(found) or (fine(otherwise),)
