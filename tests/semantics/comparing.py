"""Where two records of one scenario differ, and which of these differences are decided and written down."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from semantics.record import Record

ABSENT = "(nothing)"
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True)
class Decision:
    """A difference that is meant: where it shows, and why it is so."""

    #: of paths such as ``dag/tasks/load/tries/1/log/task.stdout``
    path: re.Pattern[str]
    because: str
    #: only lines like these may be missing or more; None: the whole fact may differ
    lines: re.Pattern[str] | None = None
    #: only these words of a line may be others; None: all of them
    words: re.Pattern[str] | None = None

    def covers(self, path: str, stock: Any, fleet: Any) -> bool:
        """Whether this is why the two differ."""
        if not self.path.search(path):
            return False
        anything = self.lines is None and self.words is None
        return anything or self._without(stock) == self._without(fleet)

    def _without(self, fact: Any) -> list[Any]:
        entries = fact if isinstance(fact, list) else [fact]
        left_out, others = self.lines or _NEVER, self.words or _NEVER
        return [
            others.sub("<other>", entry) if isinstance(entry, str) else entry
            for entry in entries
            if not (isinstance(entry, str) and left_out.search(entry))
        ]


@dataclass(frozen=True)
class Difference:
    """One fact that is not the same on both sides."""

    scenario: str
    path: str
    stock: Any
    fleet: Any
    decision: Decision | None

    def lines(self) -> Iterator[str]:
        """How it reads for a person."""
        yield f"{self.scenario}: {self.path}"
        if isinstance(self.stock, list) and isinstance(self.fleet, list):
            before, after = ([str(entry) for entry in side] for side in (self.stock, self.fleet))
            yield from (
                f"    {line}" for line in difflib.unified_diff(before, after, "stock", "airfleet", n=1, lineterm="")
            )
        else:
            yield f"    stock:    {self.stock!r}"
            yield f"    airfleet: {self.fleet!r}"


def differences(
    stock: Record, fleet: Record, decisions: Iterable[Decision], unsteady: Iterable[str] = ()
) -> list[Difference]:
    """All of them, the decided ones too; paths that match ``unsteady`` are not compared."""
    ours, theirs = fleet.leaves(), stock.leaves()
    left_out = [re.compile(pattern) for pattern in unsteady]
    found = []
    for path in sorted(ours.keys() | theirs.keys()):
        before, after = theirs.get(path, ABSENT), ours.get(path, ABSENT)
        if before != after and not any(pattern.search(path) for pattern in left_out):
            decision = next((d for d in decisions if d.covers(path, before, after)), None)
            found.append(Difference(stock.scenario, path, before, after, decision))
    return found


def mismatches(record: Record) -> Counter[str]:
    """Of which attempts Airflow's audit log says that their executor took them to be in another state."""
    audits = (fact for path, fact in record.leaves().items() if path.endswith("/audit") and isinstance(fact, list))
    return Counter(str(entry) for audit in audits for entry in audit if str(entry).startswith("state mismatch "))
