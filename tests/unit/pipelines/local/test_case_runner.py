"""The result of a case comes over the pipe as it was."""

from __future__ import annotations

import json

from airfleet.errors import Place, Problem
from airfleet.pipelines.local import case_runner, runner
from airfleet.problem_codes import Code


def test_a_problem_of_a_case_keeps_its_place_and_code() -> None:
    problem = Problem(Place("a.test.yaml", 3, 5), "cases[0]", "it failed", "look", Code.OUR_MISTAKE)
    result = json.loads(case_runner.message([problem], 1.5, "log"))["result"]
    found = runner.problem_of(result["problems"][0])
    assert (found, found.code) == (problem, Code.OUR_MISTAKE)
    assert (result["seconds"], result["log"]) == (1.5, "log")
