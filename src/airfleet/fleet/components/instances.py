"""The names of several components of one kind on one host."""

from __future__ import annotations

from collections.abc import Iterator


def names(kind: str, count: int) -> Iterator[str]:
    """``scheduler``, ``scheduler-2``, ``scheduler-3``: the first keeps its name when others join it.

    >>> list(names("scheduler", 3))
    ['scheduler', 'scheduler-2', 'scheduler-3']
    """
    return (f"{kind}-{number}" if number > 1 else kind for number in range(1, count + 1))
