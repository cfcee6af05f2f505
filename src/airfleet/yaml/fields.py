"""Field tables: the keys of a YAML file, the values that each takes, and a sentence for people.

One table makes the reader, the JSON Schema (:mod:`airfleet.yaml.json_schema`) and the reference page
(:mod:`airfleet.yaml.reference`) of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

Schema: TypeAlias = dict[str, Any]
Name = TypeVar("Name", bound=str)


@dataclass(frozen=True)
class ValueKind:
    """One kind of value, as everything but its reader sees it."""

    schema: Schema
    #: in the reference page
    shown: str
    #: in problems, after "must be"
    wanted: str = ""


@dataclass(frozen=True)
class Field(Generic[Name]):
    """One key: the name of its kind, its meaning, and the limits of its value."""

    kind: Name
    says: str
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    required: bool = False

    def takes(self, number: float) -> bool:
        """Return whether a number is within the limits; NaN is, for it is below and above none."""
        is_below = self.minimum is not None and number < self.minimum
        is_above = self.maximum is not None and number > self.maximum
        return not is_below and not is_above


Table: TypeAlias = Mapping[str, Field[Name]]
Kinds: TypeAlias = Mapping[Name, ValueKind]
