"""A param with a schema is Airflow's Param; a schema that is wrong is a problem of the file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from airfleet.pipelines.airflow.dag import build
from airfleet.pipelines.checks.params import _MOST_TOO_LONG, _TOO_LONG
from airfleet.pipelines.checks.pipeline_checks import read_and_check

TEXT = "dag_id: d\n{}params:\n  {}\ntasks: [{{id: t, params: {{mode: {{type: string, default: fast}}}}}}]\n"


def checked(param: str, folder: Path, before: str = "") -> tuple[list[str], object]:
    file = folder / "p.yaml"
    file.write_text(TEXT.format(before, param))
    found = read_and_check(file, environ={})
    dag = build(found.pipelines[0]) if found.pipelines else None
    return [str(problem).partition("p.yaml:")[2] for problem in found.problems], dag


def test_a_schema_is_the_choice_that_a_person_has(tmp_path: Path) -> None:
    problems, dag = checked("region: {default: eu, enum: [eu, us], type: string, description: where}", tmp_path)
    assert problems == []
    param = dag.params.get_param("region")  # type: ignore[attr-defined]
    assert (param.value, param.description, param.schema) == ("eu", "where", {"enum": ["eu", "us"], "type": "string"})
    assert dag.get_task("t").params["mode"] == "fast"  # type: ignore[attr-defined]


def test_a_mapping_that_is_no_schema_stays_the_value(tmp_path: Path) -> None:
    problems, dag = checked("store: {type: s3, path: [a, b]}", tmp_path)
    assert problems == []
    assert dag.params["store"] == {"type": "s3", "path": ["a", "b"]}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("param", "sentence"),
    [
        (
            "a: {type: integer, default: x}",
            "3:6: params.a: the default does not fit the param's own schema: 'x' is not of type 'integer'",
        ),
        (
            "a: {enum: [eu, us], default: asia}",
            "3:6: params.a: the default does not fit the param's own schema: 'asia' is not one of ['eu', 'us']",
        ),
        (
            "a: {type: string, minLength: x}",
            "3:6: params.a: the schema of the param is wrong: 'x' is not of type 'integer'",
        ),
        (
            "a: {type: string, pattern: '[', default: x}",
            "3:6: params.a: the schema of the param is wrong: '[' is not a 'regex'",
        ),
        (
            f"a: {{type: string, pattern: '^(a+)+$', default: {'a' * 40}!}}",
            "3:6: params.a: the pattern takes too long for its default: what it repeats has repeats itself",
        ),
        (
            "a: {type: string, pattern: '^([a-z]+[.])+$', default: a.b}",
            "3:6: params.a: the default does not fit the param's own schema: 'a.b' does not match '^([a-z]+[.])+$'",
        ),
        (
            "a: {type: object, properties: {b: {$ref: 'http://localhost/x'}}, default: {b: 1}}",
            "3:6: params.a: the schema of a param cannot refer to another one by $ref\nhint: write it out",
        ),
    ],
)
def test_what_is_wrong_with_a_schema(param: str, sentence: str, tmp_path: Path) -> None:
    assert checked(param, tmp_path)[0] == [sentence]


@pytest.mark.parametrize("param", ["a: {type: string}", "a: {type: string, default: null}"])
def test_a_param_may_be_asked_for_only_where_somebody_triggers_the_run(param: str, tmp_path: Path) -> None:
    assert checked(param, tmp_path)[0] == []
    assert len(checked(param, tmp_path, "schedule: '@daily'\n")[0]) == 1


def test_a_value_of_null_is_none_with_a_schedule_too(tmp_path: Path) -> None:
    problems, dag = checked("day: null", tmp_path, "schedule: '@daily'\n")
    assert problems == []
    assert dag.params["day"] is None  # type: ignore[attr-defined]


def test_of_a_file_only_some_patterns_may_take_long(tmp_path: Path) -> None:
    slow = ", ".join(
        f"p{n}: {{type: string, pattern: '(a+)+{n}$', default: {'a' * 30}b}}" for n in range(_MOST_TOO_LONG + 20)
    )
    (tmp_path / "p.yaml").write_text(f"dag_id: d\nparams: {{{slow}}}\ntasks: [{{id: t}}]\n")
    sentences = [problem.sentence for problem in read_and_check(tmp_path / "p.yaml", environ={}).problems]
    assert (
        sentences
        == [_TOO_LONG] * _MOST_TOO_LONG
        + [f"the pattern was not tried, for {_MOST_TOO_LONG} others of this file take too long"] * 20
    )


def test_a_very_long_pattern_is_no_work(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        f"dag_id: d\nparams: {{p: {{type: string, pattern: '{'+' * 100_000}', default: a}}}}\ntasks: [{{id: t}}]\n"
    )
    started = time.process_time()
    assert read_and_check(tmp_path / "p.yaml", environ={}).problems
    assert time.process_time() - started < 20  # 5 * 10^9 steps, if it is looked through from each place
