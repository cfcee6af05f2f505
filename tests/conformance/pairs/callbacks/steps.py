from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseNotifier


def told(context: Any, channel: str = "") -> None: ...


def after(context: Any, result: Any) -> None: ...


class Mail(BaseNotifier):
    template_fields = ("text",)

    def __init__(self, text: str, to: Sequence[str] = ()) -> None:
        super().__init__()
        self.text = text
        self.to = to

    def notify(self, context: Any) -> None: ...
