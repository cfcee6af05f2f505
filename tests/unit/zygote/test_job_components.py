"""How the agent learns which job a component is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One of the table of jobs."""

    id: int
