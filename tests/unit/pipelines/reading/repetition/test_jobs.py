"""Jobs of a matrix, and the values that all jobs have."""

from __future__ import annotations

import pytest

from airfleet.pipelines.reading import reader
from airfleet.yaml.problems import Problem

TASKS = "tasks: [{id: t, uses: 'm:f', with: {j: '${{ job }}'}}]\n"


def read(jobs: str, before: str = "", **environ: str) -> tuple[list[object], list[Problem]]:
    text = f"dag_id: 'd_${{{{ job.name }}}}'\n{before}jobs: {jobs}\n{TASKS}"
    found = reader.read(text, "p.yaml", environ=environ)
    return [pipeline.tasks[0].args["j"] for pipeline in found.pipelines], list(found.problems)


@pytest.mark.parametrize(
    ("jobs", "made"),
    [
        ("{matrix: {r: [eu, us], d: [1, 2]}}",
         [{"name": f"{r}_{d}", "r": r, "d": d} for r in ("eu", "us") for d in (1, 2)]),
        ("{matrix: {r: \"${{ split(env.R, ',') }}\"}}", [{"name": "eu", "r": "eu"}, {"name": "us", "r": "us"}]),
        ("{matrix: {r: [eu, us], exclude: [{r: us}]}, x: {}}", [{"name": "eu", "r": "eu"}, {"name": "x"}]),
        ("{matrix: {name: [a, b], d: [1]}}", [{"name": "a", "d": 1}, {"name": "b", "d": 1}]),
        ("{matrix: {s: [{name: a, x: 1}, {name: b/c}]}}",
         [{"name": "a", "s": {"name": "a", "x": 1}}, {"name": "b_c", "s": {"name": "b/c"}}]),
    ],
)  # fmt: skip
def test_a_job_for_each_combination(jobs: str, made: list[object]) -> None:
    assert read(jobs, R="eu,us") == (made, [])


def test_defaults_are_below_the_values_of_a_job() -> None:
    before = "job_defaults: {q: 1, db: {host: h, port: 1, x: [1]}, at: 'of ${{ job.name }}'}\n"
    jobs = "[{name: a, db: {port: 2, x: [2]}}, {name: b, q: null, at: x}]"
    assert read(jobs, before) == (
        [
            {"name": "a", "db": {"port": 2, "x": (2,), "host": "h"}, "q": 1, "at": "of a"},
            {"name": "b", "q": None, "at": "x", "db": {"host": "h", "port": 1, "x": (1,)}},
        ],
        [],
    )


@pytest.mark.parametrize(
    ("before", "jobs", "said"),
    [
        ("", "{matrix: x}", ["p.yaml:2:16: jobs.matrix: must be a mapping from names to lists, not a text\n"
                             "hint: write matrix: {region: [eu, us]}"]),
        ("", "{matrix: {a: x}}", ["p.yaml:2:20: jobs.matrix.a: must be a list of values, not a text\nhint: write [x]"]),
        ("", "{matrix: {a: []}}", ["p.yaml:2:16: jobs.matrix: has no combination\n"
                                   "hint: leave 'jobs' out for a single Dag"]),
        ("", "{matrix: {a: [x, x]}}", ["p.yaml:2:16: jobs.x: two jobs have this name\n"
                                       "hint: line 2 already has this name"]),
        ("", "[{name: '${{ [1] }}'}]", ["p.yaml:2:15: jobs.${{ [1] }}.name: the name of a job must be text"]),
        ("", "[{name: '${{ null }}'}]", ["p.yaml:2:15: jobs.${{ null }}.name: the name of a job must be text"]),
        ("job_defaults: 5\n", "[{name: a}]", ["p.yaml:2:15: job_defaults: must be a mapping of values that jobs have, "
                                             "not a number"]),
        ("job_defaults: {name: x}\n", "[{name: a}]", ["p.yaml:2:22: job_defaults.name: each job has a name of its own\n"
                                                     "hint: leave 'name' out"]),
        ("job_defaults: {x: '${{ job.y }}'}\n", "[{name: a}, {name: b}, {name: c, y: 1}]",
         ["p.yaml:2:28: job_defaults.x: 'job' has no 'y'\nhint: it has name"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_matrix_and_defaults(before: str, jobs: str, said: list[str]) -> None:
    assert [str(problem) for problem in read(jobs, before)[1]] == said


def test_a_job_whose_defaults_are_wrong_makes_no_dag() -> None:
    made, _ = read("[{name: a}, {name: b}, {name: c, y: 1}]", "job_defaults: {x: '${{ job.y }}'}\n")
    assert made == [{"name": "c", "y": 1, "x": 1}]


def test_defaults_without_jobs() -> None:
    found = reader.read("dag_id: d\njob_defaults: {a: 1}\ntasks: [{id: t}]\n", "p.yaml")
    assert [str(problem) for problem in found.problems] == ["p.yaml:2:15: job_defaults: this document has no 'jobs'"]
