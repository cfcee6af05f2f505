"""What a format says about its output columns: their kind, their range, which must be there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """How the text of a raw column becomes a value."""

    TEXT = "text"
    NUMBER = "a number"
    INTEGER = "a whole number"
    DATE = "a date"
    #: one digit of a word of 0s and 1s
    FLAG = "six digits of 0 and 1"


@dataclass(frozen=True)
class Format:
    """A published format: kinds of all output columns, and what a row must satisfy."""

    kinds: Mapping[str, Kind]
    #: a row without one of these is rejected
    required: tuple[str, ...] = ("date", "latitude", "longitude")
    #: smallest and largest value that can be true
    ranges: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: {"latitude": (-90.0, 90.0), "longitude": (-180.0, 180.0)}
    )
