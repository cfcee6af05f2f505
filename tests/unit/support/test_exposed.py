"""Environments that processes expose are found."""

from __future__ import annotations

import subprocess

from airfleet.drill.waiting import wait_until
from support.exposed import first_environment


def test_the_first_environment_of_a_process_has_a_variable_in_each_line() -> None:
    with subprocess.Popen(["cat"], env={"ONE": "a", "TWO": "b=c"}, stdin=subprocess.PIPE) as process:
        wait_until(lambda: first_environment(process.pid) == "ONE=a\nTWO=b=c", 10, "it runs")


def test_a_process_that_is_gone_exposes_nothing() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert first_environment(ended.pid) == ""
