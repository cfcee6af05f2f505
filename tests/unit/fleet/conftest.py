"""A project in a folder of its own."""

from __future__ import annotations

from support.command_line import own_environment, project

__all__ = ["own_environment", "project"]
