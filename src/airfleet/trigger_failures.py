"""Failures of triggers that harm the others: each as a value, and as the line that carries it to the log of a task.

Airflow carries the failure of a trigger as text: the triggerer writes a line, and ``airfleet why`` reads it. Both use
the one table here.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class TriggerFault(enum.Enum):
    """The harm that a trigger did, as the sentence about it; ``{}`` stands for the detail."""

    BLOCKED_LOOP = "This trigger has blocked the event loop of all triggers for {}"
    BLOCKED_PROCESS = "It has blocked the process of all triggers, which had to be killed"
    ENDED_PROCESS = "The process of all triggers has ended while it ran ({})"
    WANTED_TO_END_PROCESS = "The trigger wanted to end the process of all triggers: {}"
    EVENT_NOT_PASSED_ON = "The event of this trigger cannot be passed on: {}"
    EVENT_NOT_STORED = "The event of this trigger cannot be stored: {}"


@dataclass(frozen=True)
class TriggerFailure:
    """One failure, with its detail: a place in the code, an exit code, an error."""

    fault: TriggerFault
    detail: str = ""

    def __str__(self) -> str:
        return self.fault.value.format(self.detail)


def read(line: str) -> TriggerFailure | None:
    """Find the failure that a line of a log tells of; None when it tells of none.

    >>> str(read("x.TriggerBlocks: This trigger has blocked the event loop of all triggers for 20 s at t.py:7 in run"))
    'This trigger has blocked the event loop of all triggers for 20 s at t.py:7 in run'
    """
    for fault in TriggerFault:
        before, _, after = fault.value.partition("{}")
        _, found, rest = line.partition(before)
        if found:
            return TriggerFailure(fault, rest.removesuffix(after) if after else rest)
    return None
