"""Cases beside their pipelines: names that the pipeline does not have are problems of the test file."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.cases import reader
from airfleet.pipelines.cases.checks import prepared
from airfleet.pipelines.checks.pipeline_checks import read_and_check

ONE = "dag_id: shop\ntasks: [{id: fetch}, {id: load}]\n"
JOBS = "dag_id: '${{ job.name }}'\njobs: [{name: red}, {name: blue}]\ntasks: [{id: fetch}]\n"


def said(folder: Path, pipeline: str | None, case: str) -> list[str]:
    if pipeline is not None:
        (folder / "shop.yaml").write_text(pipeline)
    file = folder / "shop.test.yaml"
    found = reader.read(f"cases: [{{name: a, {case}}}]", str(file))
    assert found.problems == ()
    ready, problems = prepared(found.cases, lambda path: read_and_check(path, environ={}))
    assert bool(ready) == (not problems)
    return [str(problem).replace(f"{folder}/", "") for problem in problems]


@pytest.mark.parametrize(
    ("pipeline", "case"),
    [
        (ONE, "mocks: {fetch: {returns: 1}}, expect: {tasks: {load: success, 'load[1]': failed}, order: [load]}"),
        (ONE, "job: shop"),
        (JOBS, "job: blue"),
    ],
)
def test_a_case_finds_its_pipeline(pipeline: str, case: str, tmp_path: Path) -> None:
    assert said(tmp_path, pipeline, case) == []


@pytest.mark.parametrize(
    ("pipeline", "case", "problems"),
    [
        (None, "", ["shop.test.yaml:1:9: cases[0].pipeline: there is no pipeline file shop.yaml\n"
                    "hint: 'pipeline' names it, beside the test file"]),
        (None, f"pipeline: {'n' * 300}.yaml",
         [f"shop.test.yaml:1:29: cases[0].pipeline: there is no pipeline file {'n' * 300}.yaml\n"
          "hint: 'pipeline' names it, beside the test file"]),
        ("dag_id: a\n", "", ["shop.test.yaml:1:9: cases[0].pipeline: shop.yaml is wrong: 'tasks' is missing\n"
                             "hint: airfleet check shop.yaml"]),
        (JOBS, "", ["shop.test.yaml:1:9: cases[0].pipeline: shop.yaml makes 2 Dags\n"
                    "hint: 'job' chooses one: red, blue"]),
        (JOBS, "job: rde",
         ["shop.test.yaml:1:24: cases[0].job: shop.yaml has no job 'rde'\nhint: did you mean 'red'?"]),
        (ONE, "mocks: {fetsh: {returns: 1}}",
         ["shop.test.yaml:1:34: cases[0].mocks.fetsh: 'shop' has no task 'fetsh'\nhint: did you mean 'fetch'?"]),
        (ONE, "expect: {tasks: {zzz: success}, order: [lod]}",
         ["shop.test.yaml:1:41: cases[0].expect.tasks.zzz: 'shop' has no task 'zzz'\nhint: it has fetch, load",
          "shop.test.yaml:1:59: cases[0].expect.order[0]: 'shop' has no task 'lod'\nhint: did you mean 'load'?"]),
    ],
)  # fmt: skip
def test_what_the_pipeline_does_not_have_is_a_problem(
    pipeline: str | None, case: str, problems: list[str], tmp_path: Path
) -> None:
    assert said(tmp_path, pipeline, case) == problems
