"""The fault matrix: its rows in the order of their numbers, and the random nemeses.

The numbers are those of the list of faults that the project keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from string import ascii_lowercase

from airfleet.drill import recovery_times
from airfleet.drill.recovery_times import Stopwatch
from airfleet.drill.runner import ExperimentOutcome
from faultlab.experiment import Trial
from faultlab.faults import nemesis
from faultlab.faults.nemesis import Choices, of_several_hosts
from faultlab.rows.one_host import ON_ONE_HOST
from faultlab.rows.row import Row
from faultlab.rows.several_hosts import APART, DARK_SECONDS, DECIDING, ON_SEVERAL_HOSTS, WORKING
from faultlab.systems.topology import Topology


def _number(row: Row) -> tuple[int, str]:
    """Sort F26a after F26."""
    digits = row.number.removeprefix("F").rstrip(ascii_lowercase)
    return int(digits), row.number


ROWS: tuple[Row, ...] = tuple(sorted((*ON_ONE_HOST, *ON_SEVERAL_HOSTS), key=_number))
BY_NUMBER: Mapping[str, Row] = {row.number: row for row in ROWS}


#: seconds that a stopwatch may take of which the matrix promises nothing
UNPROMISED_SECONDS = 10.0


def late(numbers: Sequence[str], outcome: ExperimentOutcome, factor: float) -> tuple[str, ...]:
    """Say what took longer than ``factor`` times the most that is promised, or for ever; the rows as they were done."""
    return tuple(
        f"{number} {watch}: {seconds}"
        for number, recovery in zip(numbers, outcome.recoveries, strict=True)
        for watch, seconds in recovery.seconds.items()
        if seconds is None or seconds > _most(number, watch) * factor
    )


def _most(number: str, watch: str) -> float:
    promise = BY_NUMBER[number].promised.get(watch)
    return promise.most if promise else UNPROMISED_SECONDS


@dataclass(frozen=True)
class RandomNemesis:
    """How random faults are drawn; not a row of its own, as each seed has others."""

    #: what they are drawn from
    choices: Choices
    topology: Topology = field(default_factory=Topology)
    faults: int = 6
    quiet_seconds: tuple[float, float] = (3.0, 10.0)
    longest_seconds: float = 20.0
    watches: Mapping[str, Stopwatch] = field(default_factory=lambda: {"dispatch": recovery_times.dispatch})

    def trials(self, seed: int) -> tuple[Trial, ...]:
        """Always the same ones from the same seed."""
        drawn = nemesis.schedule(self.choices, seed, self.faults, self.quiet_seconds, self.longest_seconds)
        return tuple(Trial(step.fault, self.watches, step.after_seconds) for step in drawn)


#: the parts of one host, and whole hosts of three
RANDOM, RANDOM_HOSTS = "F32", "F32a"
NEMESES: Mapping[str, RandomNemesis] = {
    RANDOM: RandomNemesis(nemesis.of_one_host),
    RANDOM_HOSTS: RandomNemesis(partial(of_several_hosts, DECIDING, WORKING, DARK_SECONDS), APART),
}
