"""Two hosts that are fakes."""

from __future__ import annotations

from support.fake_system import system

__all__ = ["system"]
