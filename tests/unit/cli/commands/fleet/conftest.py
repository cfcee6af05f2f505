"""Commands that wait for an order to be obeyed ask again at once."""

from __future__ import annotations

from support.obeying_agent import fast

__all__ = ["fast"]
