"""The verdict of one drill: how long the recovery took, and what was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airfleet.drill.invariants import Violation
from airfleet.drill.records import NoteKind
from airfleet.drill.runner import ExperimentOutcome

#: names of the stopwatches
GAP, HEALTHY, RERUN = "gap", "healthy_after", "rerun_after"


@dataclass(frozen=True)
class DrillVerdict:
    """The result of one drill; times in seconds from the fault, None where it did not happen in time."""

    part: str
    #: until a task started whose run was accepted after the fault
    gap: float | None
    healthy_after: float | None
    tasks: int
    #: tasks whose attempts died, and were started again
    rerun: int
    #: until the last of them was; 0 where there were none
    rerun_after: float | None
    #: None where nobody could say what became of the runs, as for failed
    lost: int | None
    twice: int
    failed: int | None
    violations: tuple[Violation, ...] = field(default=())

    @property
    def held(self) -> bool:
        """Tell whether nothing was lost, nothing done twice, nothing blamed on a task."""
        return not self.violations

    @property
    def in_time(self) -> bool:
        """Tell whether all was well again in time, and what became of the runs is known."""
        return self.known and None not in (self.gap, self.healthy_after, self.rerun_after)

    @property
    def known(self) -> bool:
        """Tell whether Airflow said what became of the runs."""
        return self.lost is not None


def verdict_of(part: str, outcome: ExperimentOutcome) -> DrillVerdict:
    """Count what an experiment with one fault has shown."""
    history, seconds = outcome.history, _seconds(outcome)
    broken = [violation.invariant for violation in outcome.violations]
    ended = {note.attempt for note in history.notes if note.event == NoteKind.END}
    unended = {note.task for note in history.notes if note.event == NoteKind.START and note.attempt not in ended}
    return DrillVerdict(
        part=part,
        gap=seconds[GAP],
        healthy_after=seconds[HEALTHY],
        tasks=len({note.task for note in history.notes}),
        rerun=len(unended),
        rerun_after=seconds[RERUN],
        lost=broken.count("I1") if history.is_known else None,
        twice=broken.count("I2") + broken.count("I3") + broken.count("I4"),
        failed=sum(history.states.get(run) == "failed" for run in history.asked) if history.is_known else None,
        violations=outcome.violations,
    )


def _seconds(outcome: ExperimentOutcome) -> Mapping[str, float | None]:
    return outcome.recoveries[0].seconds
