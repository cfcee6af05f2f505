"""The names that components have in status, logs and commands."""

from __future__ import annotations

from collections.abc import Iterator

#: names that no worker can have
TAKEN = (
    "agent", "postgres", "valkey", "broker", "zygote", "migrate", "objects", "scheduler", "dag-processor",
    "triggerer", "api-server", "log-server", "flower", "nginx", "proxy",
)  # fmt: skip


def numbered(name: str, count: int) -> Iterator[str]:
    """Number the names of a kind: ``scheduler``, ``scheduler-2``, ``scheduler-3``; the first keeps its name.

    >>> list(numbered("scheduler", 3))
    ['scheduler', 'scheduler-2', 'scheduler-3']
    """
    return (f"{name}-{number}" if number > 1 else name for number in range(1, count + 1))
