"""A failure of a trigger is the same after its line was written and read."""

from __future__ import annotations

import pytest

from airfleet import trigger_failures
from airfleet.trigger_failures import TriggerFailure, TriggerFault


@pytest.mark.parametrize("prefix", ["", "airfleet.triggerer.trigger_runner.TriggerBlocks: ", "  "])
@pytest.mark.parametrize("fault", TriggerFault)
def test_a_line_is_read_as_the_failure_that_it_was_written_of(fault: TriggerFault, prefix: str) -> None:
    detail = "exit code 3 (at t.py:7)" if "{}" in fault.value else ""
    failure = TriggerFailure(fault, detail)
    assert trigger_failures.read(f"{prefix}{failure}") == failure


@pytest.mark.parametrize(
    "line", ["", "Trigger failed:", "This trigger blocks the event loop of all triggers; it waits"]
)
def test_any_other_line_tells_of_none(line: str) -> None:
    assert trigger_failures.read(line) is None
