"""Known vulnerabilities of the programs that a fleet is made of: an offline list with a date.

The list is not complete. Each entry was read in the source that it names, and has the first fixed version of each
branch, so that a version is judged without the network.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Advisory:
    """A vulnerability of one product."""

    id: str
    product: str
    title: str
    #: pairs of versions: the first that has it, and the first that has it no more
    ranges: tuple[tuple[str, str], ...]
    source: str

    def fixed_for(self, version: str) -> str:
        """Return the version that fixes it on the branch of ``version``; empty when that is not concerned."""
        found = _key(version)
        return next((fixed for first, fixed in self.ranges if _key(first) <= found < _key(fixed)), "")


@dataclass(frozen=True)
class Advisories:
    """The list, and the day on which it was made."""

    date: str
    advisories: tuple[Advisory, ...]


def load() -> Advisories:
    """Read the list that ships with airfleet."""
    found = json.loads(Path(__file__).with_name("advisories.json").read_text("utf-8"))
    entries = (
        Advisory(one["id"], one["product"], one["title"], tuple(map(_pair, one["ranges"])), one["source"])
        for one in found["advisories"]
    )
    return Advisories(found["date"], tuple(entries))


def matching(known: Sequence[Advisory], versions: Mapping[str, str]) -> Iterator[tuple[Advisory, str]]:
    """Yield each advisory that concerns an installed version, with that version."""
    for one in known:
        version = versions.get(one.product, "")
        if version and one.fixed_for(version):
            yield one, version


def _pair(found: Sequence[str]) -> tuple[str, str]:
    first, fixed = found
    return first, fixed


def _key(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, to compare; what follows them (``rc1``) counts as less than nothing."""
    numbers = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)
