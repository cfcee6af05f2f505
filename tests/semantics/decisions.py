"""Every difference between stock Airflow and a fleet that is meant; docs/explanation/semantics.md says the same."""

from __future__ import annotations

from semantics.comparing import Decision

DECISIONS: tuple[Decision, ...] = ()
