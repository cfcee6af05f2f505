"""The clock of one of several hosts is wrong by minutes: nobody is taken for dead, no task is refused, it is told.

Three agents on loopback; the host of the second, with a scheduler and a worker, has the wrong clock.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airfleet.fleet.planning.paths import HOST
from faultlab.experiment import Experiment, Shape
from faultlab.injectors.clock_shim import ClockShim
from faultlab.matrix import BY_NUMBER
from faultlab.systems.fleet_system import FleetSystem

pytestmark = [pytest.mark.needs("cc"), pytest.mark.long]

#: answers each line with two clocks
CLOCKS = "import sys, time\nfor _ in sys.stdin: print(time.time(), time.monotonic(), flush=True)"
#: seconds without a start of a task under a load of one a second
GAP_SECONDS = 8.0


def test_a_clock_is_set_wrong_while_a_process_runs_and_no_other_clock_is(tmp_path: Path) -> None:
    wrong = ClockShim(tmp_path / "clocks", ("one", "two"))
    environ = {**os.environ, **wrong.environment, HOST: "two"}
    words = [sys.executable, "-c", CLOCKS]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdin
        assert process.stdout
        for seconds in (0, 120, -120, 0):
            wrong.set("two", seconds)
            process.stdin.write("\n")
            process.stdin.flush()
            of_day, counting = map(float, process.stdout.readline().split())
            assert of_day - time.time() == pytest.approx(seconds, abs=2)
            assert counting - time.monotonic() == pytest.approx(0, abs=2)


def test_a_wrong_clock_costs_nobody_anything() -> None:
    row = BY_NUMBER["F29"]
    with FleetSystem(row.topology, netns=False) as target:
        outcome = Experiment(target, Shape(), "clock").run([row.trial(scale=0.5)])
    assert outcome.violations == ()
    (recovery,) = outcome.recoveries
    gap = recovery.seconds["gap"]
    assert gap is not None
    assert gap < GAP_SECONDS
