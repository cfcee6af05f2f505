"""Triggers, in the folder of plugins: the triggerer does not look beside the Dags."""

from __future__ import annotations

import asyncio
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class Fires(BaseTrigger):
    """Waits a moment, then does what ``how`` says."""

    def __init__(self, how: str, seconds: float = 0.5) -> None:
        super().__init__()
        self.how = how
        self.seconds = seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "semantics_triggers.Fires", {"how": self.how, "seconds": self.seconds}

    async def run(self):
        self.log.info("trigger %s begins", self.how)
        print("printed by the trigger")
        await asyncio.sleep(self.seconds)
        if self.how == "raises":
            raise ValueError("the trigger broke")
        if self.how == "ends":
            return
        if self.how == "waits":
            await asyncio.sleep(3600)
        yield TriggerEvent({"how": self.how, "words": ["from", "the", "trigger"]})
