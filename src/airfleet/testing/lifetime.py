"""Resources with a start and a stop: a ``with`` block starts one, and stops it at its end or when its start fails."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Startable(ABC):
    """Has a start and a stop; the second one also ends what a start that failed has left."""

    @abstractmethod
    def start(self) -> None:
        """Start it; returns when it is of use."""

    @abstractmethod
    def stop(self) -> None:
        """End all that it started."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
