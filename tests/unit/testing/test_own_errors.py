"""Which tracebacks in a component's log are errors of airfleet's own code."""

from __future__ import annotations

import datetime as dt
import io

import pytest

from airfleet.events import Event, to_file
from airfleet.testing import own_errors
from airfleet.testing.fleet import FleetUnderTest

OURS = f'  File "{own_errors.SOURCE}/scheduler/agenda.py", line 137, in _add_due'
AIRFLOW = '  File "/usr/lib/python3/site-packages/airflow/jobs/job.py", line 7, in run'
MARK = "    agenda.changed.update(due.timed)"
START = "Traceback (most recent call last):"
CAUSE = "The above exception was the direct cause of the following exception:"
LOG = f"{START}\n{OURS}\nTypeError: unhashable\n"
CHANGED = "RuntimeError: dictionary changed size during iteration"
FOUND = "scheduler/agenda.py: TypeError: unhashable type: 'list'"


def agent_says(why: str) -> str:
    """A line of the agent's log about an unexpected error."""
    log = io.StringIO()
    to_file(log, lambda: dt.datetime(2026, 11, 26, tzinfo=dt.UTC))(Event.SURPRISED, part="the lease", why=why)
    return log.getvalue().strip()


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ([START, AIRFLOW, OURS, MARK, "TypeError: unhashable type: 'list'", "2026-11-26 the next line"], [FOUND]),
        ([START, AIRFLOW, OURS, MARK, "TypeError: unhashable type: 'list'"], [FOUND]),
        ([START, OURS, MARK, "KeyError: 'a'", "", CAUSE, "", START, OURS, "UserError: no a"], []),
        (
            [START, OURS, MARK, "KeyError: 'a'", "", CAUSE, "", START, OURS, "NameError"],
            ["scheduler/agenda.py: NameError"],
        ),
        ([START, OURS, AIRFLOW, "TypeError: of a task"], []),
        ([START, OURS, MARK, "ConnectionRefusedError: [Errno 111] Connection refused"], []),
        ([START, OURS, MARK, "ConnectionError", START, "TypeError: of nothing"], []),
        (["TypeError: said by somebody"], []),
        ([START, OURS, CHANGED], [f"scheduler/agenda.py: {CHANGED}"]),
        ([START, OURS, "RuntimeError: cannot start new thread"], []),
        ([agent_says(CHANGED)], [f"the lease: {CHANGED}"]),
        ([agent_says("TypeError: unhashable (leases.py:7)")], ["the lease: TypeError: unhashable (leases.py:7)"]),
        ([agent_says("OSError: [Errno 28] No space left on device")], []),
        ([agent_says(CHANGED)[:-20]], []),
    ],
    ids=[
        "one in the middle",
        "one at the end",
        "one that was handled",
        "one while another was handled",
        "one of somebody else",
        "a fault from outside",
        "one without a frame",
        "a line of text",
        "a change while it was read",
        "a fault of the machine",
        "one with which the agent goes on",
        "one of its own types",
        "a fault that the agent did not expect",
        "a line that a full disk cut",
    ],
)
def test_an_error_of_airfleet_is_one_whose_last_frame_is_its_own_code(log: list[str], found: list[str]) -> None:
    assert list(own_errors.errors(f"{line}\n" for line in log)) == found


def test_the_end_of_a_fleet_tells_of_an_error_in_the_log_of_a_component() -> None:
    told = r"^airfleet itself failed:\nscheduler\.log: scheduler/agenda\.py: TypeError: unhashable"
    with pytest.raises(AssertionError, match=told), FleetUnderTest.make("name: shop\n") as fleet:
        for host in (fleet.paths.home, fleet.paths.home / "hosts" / "two"):
            (host / "logs").mkdir(parents=True)
            (host / "logs" / "scheduler.log").write_text(LOG)
    assert not fleet.root.exists()


def test_a_test_that_fails_tells_of_its_own_failure() -> None:
    with pytest.raises(ValueError, match="the test's"), FleetUnderTest.make("name: shop\n") as fleet:
        fleet.paths.logs.mkdir(parents=True)
        fleet.paths.log("scheduler").write_text(LOG)
        raise ValueError("the test's")
