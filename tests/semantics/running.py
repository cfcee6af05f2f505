"""Run scenarios on one installation and record what they leave behind."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from airfleet.drill.waiting import wait_until
from semantics import acts
from semantics.installation import ENDED, PAUSE_SECONDS, Installation
from semantics.normalising import Normaliser
from semantics.reading import Reader
from semantics.record import Record
from semantics.scenarios import Scenario

KNOWN_SECONDS = 120.0
#: how long after the end of a run a callback of its Dag may come
WRITTEN_SECONDS = 60.0
_PID = re.compile(r"(?<=\bprocess )\d+|(?<=\bchild )\d+|(?<=child of process )\d+|(?<=_session )\d+")


class Runner:
    """Runs scenarios on one installation, some of them at the same time."""

    def __init__(self, installation: Installation, today: dt.date) -> None:
        self._there = installation
        self._normaliser = Normaliser(installation.places, today)
        self._reader = Reader(installation, self._normaliser)

    def all(
        self, scenarios: Iterable[Scenario], at_once: int, done: Callable[[Scenario, Record | Exception], None]
    ) -> None:
        """Run them, telling ``done`` about each as soon as it has ended."""
        acts.furnish(self._there)
        pool = ThreadPoolExecutor(at_once)
        running = {pool.submit(self.one, scenario): scenario for scenario in scenarios}
        try:
            for future in as_completed(running):
                failed = future.exception()
                done(running[future], failed if isinstance(failed, Exception) else future.result())
        finally:
            # Whoever ends this early does not want to wait for what has not begun.
            pool.shutdown(wait=False, cancel_futures=True)

    def one(self, scenario: Scenario) -> Record:
        """Run one. Raises AssertionError when it does not end in time."""
        there, dag_id = self._there, scenario.dag_id
        for one in (*scenario.starts, dag_id):
            there.unpause(one, KNOWN_SECONDS)
        facts = self._triggered(scenario) if scenario.triggered else {}
        for started, count in scenario.starts.items():
            facts |= self._started(started, count, scenario.seconds)
        return Record(scenario.title, facts | self._witnessed(scenario))

    def _triggered(self, scenario: Scenario) -> dict[str, Any]:
        there, dag_id, run_id = self._there, scenario.dag_id, scenario.run_id
        there.trigger(dag_id, run_id, scenario.logical_date, scenario.conf)
        seen = {"meanwhile": dict(scenario.meanwhile(there, run_id))}
        there.wait_for_run(dag_id, run_id, scenario.seconds)
        seen["afterwards"] = dict(scenario.afterwards(there, run_id))
        facts: dict[str, Any] = self._normaliser.value({key: value for key, value in seen.items() if value})
        return facts | {dag_id: self._reader.run(dag_id, run_id)}

    def _witnessed(self, scenario: Scenario) -> dict[str, Any]:
        lines = [_PID.sub("<pid>", self._normaliser.line(line)) for line in self._lines(scenario)]
        return {"witness": lines if scenario.in_order else sorted(lines)} if lines else {}

    def _lines(self, scenario: Scenario) -> list[str]:
        """What was written outside of the run, such as by the callbacks of its Dag: a moment later than its end."""
        name = f"{scenario.dag_id}.txt"
        for words in scenario.writes:
            self._there.wait_for_words(scenario.dag_id, words, WRITTEN_SECONDS)
        return self._there.witnessed(name)

    def _started(self, dag_id: str, count: int, seconds: float) -> dict[str, Any]:
        def ended() -> list[dict[str, Any]]:
            runs = self._there.runs(dag_id)
            return runs if len(runs) >= count and all(run["state"] in ENDED for run in runs) else []

        runs = wait_until(ended, seconds, f"{count} runs of '{dag_id}' have ended", PAUSE_SECONDS)
        ordered = sorted(runs, key=lambda run: (str(run["partition_key"]), str(run["run_after"])))
        return {
            f"{dag_id} {number}": self._reader.run(dag_id, run["dag_run_id"]) for number, run in enumerate(ordered, 1)
        }
