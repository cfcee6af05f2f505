"""The pipeline of a drill: added to the fleet for the time of the drill, and removed with its runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from airfleet.client.api_client import ApiError
from airfleet.drill import dags
from airfleet.drill.parts import DrilledFleet
from airfleet.drill.workload import DRILL, drill_pipeline
from airfleet.errors import FleetError, WaitTimedOut

DISCOVERY_SECONDS = 60.0
#: between two requests to delete the Dag
_PAUSE_SECONDS = 0.5
#: name of its file among the pipelines
FILE_NAME = f"{DRILL}.yaml"

#: takes a sentence, and a hint
Warn: TypeAlias = Callable[[str, str], None]


@dataclass(frozen=True)
class DrillPipeline:
    """The file and its Dag on one fleet; ``timeout_seconds`` bounds the wait for tasks that still run at the end."""

    fleet: DrilledFleet
    timeout_seconds: float
    warn: Warn

    @contextmanager
    def added(self) -> Iterator[None]:
        """Add the pipeline and unpause its Dag; remove both afterwards. Raises WaitTimedOut when no Airflow sees it."""
        try:
            self.fleet.place.put(drill_pipeline(self.fleet.queue))
            self._wait_until_known()
            self.fleet.api.patch("dags", DRILL, body={"is_paused": False}, update_mask="is_paused")
            yield
        finally:
            self._take_back()

    def warn_if_taken_away(self) -> None:
        """Warn when another machine's dag-processor took the Dag away: losses and delays have that cause then.

        Airflow believes the dag-processor that looked last, and asks each about once a minute.
        """
        others = self.fleet.other_readers
        if others and self._is_taken_away():
            sentence = f"Dag '{DRILL}' was taken away during the drill, so the verdict says little about the fault"
            self.warn(sentence, _read_alike(others))

    def _wait_until_known(self) -> None:
        deadline = time.monotonic() + DISCOVERY_SECONDS
        while not dags.knows(self.fleet.api, DRILL):
            if time.monotonic() > deadline:
                others = self.fleet.other_readers
                hint = _read_alike(others) if others else "airfleet logs dag-processor"
                raise WaitTimedOut(f"the fleet did not see {FILE_NAME} within {DISCOVERY_SECONDS:.0f} s\nhint: {hint}")
            time.sleep(0.2)

    def _is_taken_away(self) -> bool:
        """Tell whether Airflow holds that no file has the Dag; not when it does not answer."""
        try:
            return bool(self.fleet.api.get("dags", DRILL)["is_stale"])
        except FleetError:
            return False

    def _take_back(self) -> None:
        """Remove the pipeline and its runs; a warning names the rest, which takes nothing from the verdict."""
        try:
            self.fleet.place.take_away()
            self._forget()
        except (FleetError, OSError) as why:
            left = [f"Dag '{DRILL}' with its runs", *filter(None, [self.fleet.place.left()])]
            sentence = why.sentence if isinstance(why, FleetError) else str(why)
            hint = "the next drill takes it back, or whoever deletes the Dag in the UI"
            self.warn(f"the drill has left {' and '.join(left)}: {sentence}", hint)

    def _forget(self) -> None:
        """Have Airflow delete the Dag and its runs; it refuses (409) as long as one of its tasks runs."""
        deadline = time.monotonic() + self.timeout_seconds
        while True:
            try:
                self.fleet.api.delete("dags", DRILL)
            except ApiError as refused:
                if refused.status == 404:
                    return
                if refused.status != 409 or time.monotonic() > deadline:
                    raise
            else:
                return
            time.sleep(_PAUSE_SECONDS)


def _read_alike(others: Sequence[str]) -> str:
    """Say what has to be so where dag-processors of other machines read pipelines, too."""
    whose = f"host{'s' if len(others) > 1 else ''} {' and '.join(others)}"
    return (
        f"the dag-processors of {whose} have to read the same folder of pipelines, on a disk that is shared: one that "
        f"does not see {FILE_NAME} takes its Dag away again"
    )
