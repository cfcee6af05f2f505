"""A package in a package beside the Dags."""

from __future__ import annotations

import semantics_witness

WORDS = f"inner {semantics_witness.SUFFIX}"
