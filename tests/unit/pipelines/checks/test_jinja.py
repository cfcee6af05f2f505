"""What would fail when a template is rendered is known before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from airfleet.pipelines.checks import jinja
from airfleet.pipelines.checks.pipeline_checks import read_and_check

FINE = [
    "plain {text}",
    "{{ ds }}/{{ params.day }}",
    "{{ ds | upper }} {{ ts | ts_nodash }} {{ logical_date | ds }}",
    "{% set x = 1 %}{{ x }}",
    "{% for row in params.rows %}{{ loop.index }} {{ row }}{% endfor %}",
    "{% macro m(a, b=2) %}{{ a }}{{ varargs }}{% endmacro %}{{ m(1) }}",
    "{% import 'x.j2' as x %}{{ x.y }}{% from 'x.j2' import a, b as c %}{{ a }}{{ c }}",
    "{{ mine | default('x') }} {{ yours.a['b'] is defined }}",
    "{% if x is defined %}{{ x }}{% endif %}",
    "{{ range(3) | list }} {{ dict(a=1) }} {{ namespace() }}",
    "{{ 9**9**9 }}",  # a task's own affair, and never worked out here
    "{{ macros.ds_add(ds, 1) }} {{ var.value.x }} {{ conn.a.host }} {{ ti.xcom_pull('a') }}",
]


@pytest.mark.parametrize("text", FINE)
def test_a_template_that_can_be_rendered(text: str) -> None:
    assert jinja.problems_of(text) == ()


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("echo {{ ds",
         "the template is wrong in its line 1: unexpected end of template, expected 'end of print statement'.", None),
        ("a\n{% if %}",
         "the template is wrong in its line 2: Expected an expression, got 'end of statement block'", None),
        ("{{ dss }}", "templates have no 'dss'", "did you mean 'ds'?"),
        ("{{ dss + 1 }}", "templates have no 'dss'", "did you mean 'ds'?"),
        ("{{ ds | nosuch }}", "templates have no filter 'nosuch'", None),
        ("{{ ds | uper }}", "templates have no filter 'uper'", "did you mean 'upper'?"),
        ("{{ ds is evenn }}", "templates have no test 'evenn'", "did you mean 'even'?"),
        ("{{ execution_date }}", "templates have no 'execution_date' in Airflow 3", "write {{ logical_date }}"),
        ("{{ next_ds.x | upper }}", "templates have no 'next_ds' in Airflow 3", "write {{ data_interval_end | ds }}"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "the template is nested too deeply for Jinja", None),
        ("{{ 1" + " + 1" * 20_000 + " }}", "the template is nested too deeply for Jinja", None),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_template(text: str, sentence: str, hint: str | None) -> None:
    assert [(sentence, hint) for sentence, hint, _ in jinja.problems_of(text)] == [(sentence, hint)]


def problems(folder: Path, value: str, top: str = "") -> list[str]:
    file = folder / "p.yaml"
    file.write_text(f"dag_id: d\n{top}tasks:\n  - {{id: t, uses: bash, with: {{bash_command: {{$t: {value}}}}}}}\n")
    return [str(p).replace(f"{folder}/", "") for p in read_and_check(file, environ={}).problems]


def test_check_says_it_at_the_template(tmp_path: Path) -> None:
    assert problems(tmp_path, "'{{ dss }} {{ ds | nosuch }}'") == [
        "p.yaml:3:46: tasks.t.with.bash_command: templates have no 'dss'\nhint: did you mean 'ds'?",
        "p.yaml:3:46: tasks.t.with.bash_command: templates have no filter 'nosuch'",
    ]


def test_a_file_that_is_rendered_is_judged_too(tmp_path: Path) -> None:
    (tmp_path / "load.sql").write_text("SELECT 1\nFROM {{ execution_dat")
    assert problems(tmp_path, "{$f: load.sql}") == [
        "p.yaml:3:46: tasks.t.with.bash_command: the template is wrong in its line 2: "
        "unexpected end of template, expected 'end of print statement'."
    ]


def test_templates_of_another_dialect_are_left_alone(tmp_path: Path) -> None:
    own = "jinja_environment_kwargs: {extensions: [jinja2.ext.do]}\n"
    assert problems(tmp_path, "'{% do x %}'", own) == []


def test_jinja_is_imported_only_for_templates_that_are_more_than_names() -> None:
    code = "import sys; from airfleet.pipelines.checks import jinja; jinja.problems_of('{{ ds }}'); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "airfleet.pipelines.checks.jinja" in said.split()
    assert "jinja2" not in said.split()
