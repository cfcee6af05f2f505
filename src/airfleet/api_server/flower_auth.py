"""Flower's numbers for Prometheus (``/metrics``): for who knows its password, as all else of it.

Flower gives them to everybody, and where its proxy runs on another host it listens on the network.
"""

from __future__ import annotations

from flower.views.monitor import Metrics
from tornado.web import Application, authenticated


class _Metrics(Metrics):  # type: ignore[misc]  # Flower has no types
    """The same, when asked with the password."""

    @authenticated
    async def get(self) -> None:
        """See Flower's."""
        await super().get()


def ask_for_password(page: Application, path: str) -> None:
    """Have Flower, whose pages lie below ``path``, ask for its password there, too."""
    # What is added afterwards is asked before what Flower began with.
    page.add_handlers(".*", [(f"{path}/metrics", _Metrics)])
