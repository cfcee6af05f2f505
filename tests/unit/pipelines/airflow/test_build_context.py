"""Errors of users' code in one sentence, at the place of the argument that they speak of."""

from __future__ import annotations

import pytest
from airflow.sdk import BaseOperator

from airfleet.pipelines.airflow import build_context


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no\n  such   thing"), "no such thing"),
        (ValueError(), "ValueError"),
        (Silent(), "Silent"),
        (SystemExit(3), "it ends the process (SystemExit: 3)"),
        (SystemExit(), "it ends the process (SystemExit)"),
    ],
)
def test_an_error_is_one_line(error: BaseException, said: str) -> None:
    assert build_context.message(error) == said


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (TypeError("got an unexpected keyword argument 'path'"), "path"),
        (ValueError("size must be positive"), "size"),
        (ValueError("resize failed"), None),
    ],
)
def test_the_argument_that_an_error_speaks_of_is_found(error: BaseException, name: str | None) -> None:
    assert build_context.mentioned(error, ("path", "size")) == name


def test_a_wrong_type_is_said_without_the_class_that_refuses_it() -> None:
    refused = TypeError("'retries' type must be <class 'int'>, not <class 'str'>")
    assert build_context.said_by(refused, "A") == f"A refuses its arguments: {refused}"
    said = build_context.said_by(TypeError("'retries' type must be int, not str"), "A")
    assert said == "'retries' must be int, not str"


def test_airflow_says_a_wrong_type_in_these_words() -> None:
    with pytest.raises((TypeError, RuntimeError)) as raised:
        BaseOperator(task_id="t", retries="many")  # type: ignore[arg-type]
    assert build_context.said_by(raised.value, "A") == "'retries' must be int, not str"
