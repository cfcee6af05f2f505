"""YAML text as nodes that remember where they stand.

The only module that reads YAML. It uses libyaml's parser when PyYAML has it (about ten
times faster than the Python one), keeps line and column of every key and value, and
reports broken YAML and duplicate keys as problems instead of raising.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from airfleet.errors import Place


@dataclass(frozen=True)
class Scalar:
    """A plain value as YAML 1.2's core schema reads it; ``text`` is how it was written."""

    value: object
    text: str
    place: Place
    quoted: bool = False


@dataclass(frozen=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True)
class Mapping:
    """A mapping; keys are scalars, in the order they were written."""

    entries: tuple[tuple[Scalar, Node], ...]
    place: Place


Node: TypeAlias = Scalar | Sequence | Mapping
