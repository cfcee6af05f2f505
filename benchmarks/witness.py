"""What the tasks of a run wrote into the ledger, and whether it is what they should have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workloads import Workload


class NotDone(Exception):
    """A run whose tasks did not all run, or did not run once: no figure may come from it."""


@dataclass(frozen=True)
class Execution:
    """One time that a task's function ran; times are seconds since the epoch."""

    run: str
    number: int
    began: float
    ended: float
    pid: int


@dataclass
class Ledger:
    """The file, of which only what is new is read."""

    path: Path
    _read_to: int = 0

    def skip(self) -> None:
        """Everything so far is of an earlier run."""
        self._read_to = self.path.stat().st_size if self.path.exists() else 0

    def executions(self) -> tuple[Execution, ...]:
        """What was written since :meth:`skip`."""
        if not self.path.exists():
            return ()
        with self.path.open() as file:
            file.seek(self._read_to)
            return tuple(execution(line) for line in file)


def execution(line: str) -> Execution:
    """A line of the ledger."""
    run, number, began, ended, pid = line.rstrip("\n").split("\t")
    return Execution(run, int(number), float(began), float(ended), int(pid))


def require_each_once(workload: Workload, executions: Iterable[Execution]) -> None:
    """Raises NotDone unless every task of every run was done exactly once."""
    counted = Counter((one.run, one.number) for one in executions)
    per_run: dict[str, set[int]] = {}
    for run, number in counted:
        per_run.setdefault(run, set()).add(number)
    twice = [key for key, count in counted.items() if count > 1]
    if twice:
        raise NotDone(f"{workload.name}: {len(twice)} tasks ran more than once, {twice[0]} for one")
    wanted, expected = set(range(len(workload.graph))), workload.dags * workload.runs
    complete = sum(numbers == wanted for numbers in per_run.values())
    if complete != expected or len(per_run) != expected:
        raise NotDone(
            f"{workload.name}: {len(counted)} of {workload.tasks} tasks ran; "
            f"{complete} of {expected} runs are complete, {len(per_run)} began"
        )
