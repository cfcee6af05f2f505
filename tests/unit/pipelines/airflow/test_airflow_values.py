"""Values as Airflow takes them."""

from __future__ import annotations

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airfleet.pipelines.airflow.airflow_values import template_error

PARTS = ["{{ ", " }}", "{{", "}}", "{%", "%}", "{#", "#}", "{", "}", " ", "\n", "ds", "not", "in", "is", "if", "."]
PIECES = st.lists(st.sampled_from([*PARTS, "{{ ds }}", "{{ params.day }}", "{{ not }}", "{{ 1a }}", "echo"]))


def said_by_jinja(text: str) -> str | None:
    try:
        jinja2.Environment().parse(text)
    except jinja2.TemplateSyntaxError as error:
        return f"the template is wrong in its line {error.lineno}: {error.message}"
    return None


@given(PIECES.map("".join))
def test_what_is_not_parsed_because_it_looks_simple_is_no_mistake_to_jinja(text: str) -> None:
    assert template_error(text) == said_by_jinja(text)


@pytest.mark.parametrize("text", ["", "ls {a,b}", "echo {{ ds }}", "{{ params.day }}/{{ ds }}.json", "a { b } c"])
def test_most_templates_hold_nothing_but_names(text: str) -> None:
    assert template_error(text) is None
