"""One Airflow that answers REST requests, whoever set it up: what a comparison needs to know about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from airfleet.drill.dags import knows
from airfleet.drill.waiting import wait_until

HERE = Path(__file__).parent
ENDED = ("success", "failed")
PAUSE_SECONDS = 0.4


class Rest(Protocol):
    """Requests below ``/api/v2``; each raises ApiError when it is refused."""

    def get(self, *path: object, **query: Any) -> Any: ...
    def post(self, *path: str, body: Mapping[str, Any]) -> Any: ...
    def patch(self, *path: str, body: Mapping[str, Any], **query: Any) -> Any: ...
    def every(self, key: str, *path: str, **query: Any) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Installation:
    """An Airflow, its folders, and the folder to which tasks and callbacks write what happened to them."""

    name: str
    api: Rest
    dags: Path
    witness: Path
    #: longest first: a folder of this installation, and the word for it in records
    places: tuple[tuple[str, str], ...]

    def knows(self, dag_id: str) -> bool:
        """Whether a Dag is known."""
        return knows(self.api, dag_id)

    def unpause(self, dag_id: str, seconds: float) -> None:
        """Let a Dag run, as soon as it is known."""
        wait_until(lambda: self.knows(dag_id), seconds, f"{self.name} knows Dag '{dag_id}'", PAUSE_SECONDS)
        self.api.patch("dags", dag_id, body={"is_paused": False}, update_mask="is_paused")

    def trigger(self, dag_id: str, run_id: str, logical_date: str | None, conf: Mapping[str, Any]) -> None:
        """Start a run of this name."""
        body = {"dag_run_id": run_id, "logical_date": logical_date, "conf": dict(conf)}
        self.api.post("dags", dag_id, "dagRuns", body=body)

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """All runs of a Dag, oldest first."""
        return sorted(self.api.every("dag_runs", "dags", dag_id, "dagRuns"), key=lambda run: str(run["run_after"]))

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float) -> str:
        """The state in which the run ended."""

        def ended() -> str:
            state = str(self.api.get("dags", dag_id, "dagRuns", run_id)["state"])
            return state if state in ENDED else ""

        return wait_until(ended, seconds, f"{self.name}: run {run_id} of '{dag_id}' has ended", PAUSE_SECONDS)

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """One task instance that is not mapped."""
        found: dict[str, Any] = self.api.get("dags", dag_id, "dagRuns", run_id, "taskInstances", task_id)
        return found

    def wait_for_task(self, dag_id: str, run_id: str, task_id: str, state: str, seconds: float = 60.0) -> None:
        """Wait until a task is in this state."""
        wait_until(
            lambda: self.task(dag_id, run_id, task_id)["state"] == state,
            seconds,
            f"{self.name}: {dag_id}.{task_id} is {state}",
            PAUSE_SECONDS,
        )

    def wait_for_words(self, dag_id: str, words: str, seconds: float = 60.0) -> None:
        """Wait until a task or callback of a Dag has written a line that holds these words."""

        def written() -> bool:
            return any(words in line for line in self.witnessed(f"{dag_id}.txt"))

        wait_until(written, seconds, f"{self.name}: {dag_id} wrote '{words}'", PAUSE_SECONDS)

    def witnessed(self, name: str) -> list[str]:
        """Lines in a file that tasks and callbacks wrote; none when there is no such file."""
        file = self.witness / name
        return file.read_text().splitlines() if file.exists() else []


def lay_out(folder: Path, plugins: Path, bundled: Mapping[str, str]) -> None:
    """Put our Dags into a folder, Airflow's own examples (name -> text) beside them, and plugins into another."""
    for name, where in (("dags", folder), ("plugins", plugins)):
        shutil.copytree(HERE / name, where, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in bundled.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def places(words: Mapping[str, str | os.PathLike[str]]) -> tuple[tuple[str, str], ...]:
    """Folders and their words, longest first, so that a folder inside another one is met first."""
    named = [(os.fspath(path), f"<{word}>") for word, path in words.items()]
    return tuple(sorted(named, key=lambda pair: -len(pair[0])))
