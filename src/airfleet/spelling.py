"""The known word that a mistyped one is nearest to, at a cost that ten thousand known words do not make felt.

Up to :data:`FEW` words are compared one by one. Of more, only those are compared that share a *trace* with the word:
what is left when one character is dropped, or the first or second half. One index of traces serves all questions
about the same words, so a caller with many questions passes the same ``frozenset`` each time.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

#: That many words are compared one by one.
FEW: Final = 80
#: Of many words, so many are compared at the most.
COMPARED: Final = 20
#: A longer word is a text, not a name.
LONGEST: Final = 250
#: Of a longer word only the halves are traced.
LONGEST_TRACED: Final = 64


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Find the known word that ``word`` is most likely a slip of; None when none is as near as ``cutoff``.

    >>> nearest("extrct", ["extract", "load"]), nearest("LOAD", ["extract", "load"]), nearest("x", ["extract"])
    ('extract', 'load', None)
    """
    if not word or len(word) > LONGEST:
        return None
    if isinstance(known, frozenset):
        return _among_many(word, known, cutoff) if len(known) > FEW else _among_few(word, tuple(sorted(known)), cutoff)
    words = tuple(known)
    return _among_many(word, frozenset(words), cutoff) if len(words) > FEW else _among_few(word, words, cutoff)


@functools.lru_cache(maxsize=1024)
def _among_few(word: str, known: tuple[str, ...], cutoff: float) -> str | None:
    return _best(word, known, cutoff)


def _among_many(word: str, known: frozenset[str], cutoff: float) -> str | None:
    index = _index(known)
    found: dict[str, None] = {}
    for trace in _traces(word):
        found |= dict.fromkeys(index.get(trace, ()))
        if len(found) >= COMPARED:
            break
    return _best(word, tuple(found)[:COMPARED], cutoff)


def _best(word: str, known: tuple[str, ...], cutoff: float) -> str | None:
    """Find the nearest word; case counts only between equally near ones."""
    folded = word.casefold()
    for other in known:
        if other.casefold() == folded:
            return other
    near = difflib.get_close_matches(word, [other for other in known if len(other) <= LONGEST], n=1, cutoff=cutoff)
    return near[0] if near else None


@functools.lru_cache(maxsize=4)
def _index(known: frozenset[str]) -> Mapping[str, tuple[str, ...]]:
    """Trace → the words that leave it, so many as can be compared."""
    index: dict[str, list[str]] = {}
    for word in sorted(known):
        for trace in _traces(word):
            words = index.setdefault(trace, [])
            if len(words) < COMPARED:
                words.append(word)
    return {trace: tuple(words) for trace, words in index.items()}


def _traces(word: str) -> Iterator[str]:
    """Yield traces of a word that a slip leaves unchanged, the most telling first."""
    folded = word.casefold()
    yield folded
    if len(folded) <= LONGEST_TRACED:
        for index in range(len(folded)):
            yield folded[:index] + folded[index + 1 :]
    half = len(folded) // 2
    if 0 < len(folded) <= LONGEST:
        yield f"{folded[:half]}\0"
        yield f"\0{folded[half:]}"
