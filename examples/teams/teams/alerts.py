"""A channel that hears of failures. This one is a file; a team has Slack, or mail, in its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.sdk import BaseNotifier

#: the folder of the channels, for people who try this
FOLDER = "TEAMS_ALERTS"


class Channel(BaseNotifier):
    """Writes a line to a channel."""

    template_fields = ("text",)

    def __init__(self, channel: str, text: str) -> None:
        super().__init__()
        self.channel = channel
        self.text = text

    def notify(self, context: Any) -> None:
        """Write the line."""
        folder = Path(os.environ.get(FOLDER, "/tmp"))
        with (folder / f"{self.channel}.txt").open("a") as file:
            file.write(f"{self.text}\n")
