"""What is allowed, but hardly what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.pipelines.checks.remarks import template_in

SCHEDULE = "dag_id: d\n{}\ntasks: [{{id: t}}]\n"
INTERVAL_HINT = "for every {0}, write schedule: {{every: {0}}}"
ZONE_HINT = "for the time of a place, write timezone: Europe/Berlin"


def remarks(text: str, folder: Path) -> list[str]:
    file = folder / "p.yaml"
    file.write_text(text)
    checked = read_and_check(file, environ={})
    assert [str(problem) for problem in checked.problems] == []
    assert len(checked.pipelines) == 1
    return [str(remark).removeprefix(f"{folder}/") for remark in checked.remarks]


@pytest.mark.parametrize(
    ("written", "sentence", "hint"),
    [
        ("'*/45 * * * *'", "'*/45' begins anew every hour: its last step is 15 minutes", INTERVAL_HINT.format("45m")),
        ("'*/59 * * * *'", "'*/59' begins anew every hour: its last step is 1 minute", INTERVAL_HINT.format("59m")),
        ("'0 */5 * * *'", "'*/5' begins anew every day: its last step is 4 hours", INTERVAL_HINT.format("5h")),
        ("'10-12/5 * * * *'", "'10-12/5' is the minute 10 alone", None),
        ("'0 0 * jan-mar/4 *'", "'jan-mar/4' is the month jan alone", None),
    ],
)
def test_a_step_that_does_not_divide_its_field(written: str, sentence: str, hint: str | None, tmp_path: Path) -> None:
    said = f"p.yaml:2:11: schedule: {sentence}" + (f"\nhint: {hint}" if hint else "")
    assert remarks(SCHEDULE.format(f"schedule: {written}"), tmp_path) == [said]


@pytest.mark.parametrize(
    "written", ["'*/15 * * * *'", "'0 */6 * * *'", "'0 0 */2 * *'", "'0-30/10 * * * *'", "'@daily'"]
)
def test_a_step_that_does_what_it_looks_like(written: str, tmp_path: Path) -> None:
    assert remarks(SCHEDULE.format(f"schedule: {written}"), tmp_path) == []


@pytest.mark.parametrize(
    ("keys", "task", "said"),
    [
        ("start_date: 2026-02-01T00:00:00+01:00\nend_date: 2026-01-31T22:00:00Z", "id: t",
         "3:11: end_date: is before the start_date, 2026-02-01"),
        ("start_date: 2026-03-01\ndefaults: {end_date: 2026-01-01}", "id: t",
         "3:22: defaults.end_date: is before the start_date, 2026-03-01"),
        ("end_date: 2026-01-01\ndefaults: {start_date: 2026-03-01}", "id: t",
         "3:24: defaults.start_date: is after the end_date, 2026-01-01"),
        ("tags: [a]", "id: t, start_date: 2026-02-01, end_date: 2026-01-01",
         "3:51: tasks.t.end_date: is before the start_date, 2026-02-01"),
        ("end_date: 2026-01-01", "id: t, start_date: 2026-02-01",
         "3:29: tasks.t.start_date: is after the end_date, 2026-01-01"),
    ],
)  # fmt: skip
def test_nothing_is_due_between_an_end_and_a_later_start(keys: str, task: str, said: str, tmp_path: Path) -> None:
    text = f"dag_id: d\n{keys}\ntasks: [{{{task}}}]\n"
    assert remarks(text, tmp_path) == [f"p.yaml:{said}, so no run is ever due"]


def test_a_limit_of_no_time_is_hardly_meant(tmp_path: Path) -> None:
    tasks = "tasks: [{id: a, execution_timeout: 0m}, {id: b}]"
    text = f"dag_id: d\ndagrun_timeout: 0\ndefaults: {{execution_timeout: 0s}}\n{tasks}\n"
    leave = "hint: leave it out for no limit"
    assert remarks(text, tmp_path) == [
        f"p.yaml:2:17: dagrun_timeout: every run fails as soon as it is looked at\n{leave}",
        f"p.yaml:3:31: defaults.execution_timeout: every try fails before it begins\n{leave}",
        f"p.yaml:4:36: tasks.a.execution_timeout: every try fails before it begins\n{leave}",
    ]


@pytest.mark.parametrize(
    ("schedule", "start"),
    [
        ("0 6 * * *", "start_date: 2026-01-01T00:00:00+01:00"),
        ("@daily", "start_date: 2026-01-01T00:00:00-05:30"),
        ("0 6 * * *", "defaults: {start_date: 2026-01-01T00:00:00+01:00}"),
    ],
)
def test_a_fixed_offset_does_not_follow_summer_time(schedule: str, start: str, tmp_path: Path) -> None:
    [said] = remarks(SCHEDULE.format(f"schedule: '{schedule}'\n{start}"), tmp_path)
    offset = "-05:30" if "-05:30" in start else "+01:00"
    path = "defaults.start_date" if "defaults" in start else "start_date"
    sentence = f": {path}: '{schedule}' is at the offset {offset} all year, also in summer time\nhint: "
    assert said.partition(sentence)[2] == ZONE_HINT


@pytest.mark.parametrize(
    "keys",
    [
        "schedule: '0 6 * * *'\nstart_date: 2026-01-01T00:00:00Z",
        "schedule: '0 6 * * *'\nstart_date: 2026-01-01",
        "schedule: '*/5 * * * *'\nstart_date: 2026-01-01T00:00:00+01:00",
        "schedule: '@once'\nstart_date: 2026-01-01T00:00:00+01:00",
        "schedule: 0 6 * * *\nstart_date: 2026-01-01T00:00:00+01:00\ntimezone: Europe/Berlin",
        "schedule: CRON_TZ=Europe/Berlin 0 6 * * *\nstart_date: 2026-01-01T00:00:00+01:00",
        "start_date: 2026-01-01T00:00:00+01:00",
    ],
)
def test_an_offset_that_does_no_harm(keys: str, tmp_path: Path) -> None:
    assert remarks(SCHEDULE.format(keys), tmp_path) == []


NOT_RENDERED = (
    " is not rendered: text stays as it is written\n"
    'hint: write {$t: "…"} around the text to render it, or {$const: "…"} if it is meant so'
)


def test_a_template_outside_of_t_is_named_where_a_dag_in_python_would_render_it(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text("def load(day, paths=()): ...\n")
    text = """\
dag_id: d
tasks:
  - {id: a, uses: bash, with: {bash_command: 'echo {{ ds }}', env: {DAY: '{{ ds_nodash }}'}, cwd: '/{{ nothing }}'}}
  - {id: b, uses: "steps:load", with: {day: "{{ logical_date | ds }}", paths: [x, "{{params.path}}"]}}
  - {id: c, uses: bash, with: {bash_command: {$t: 'echo {{ ds }}'}, env: {A: {$const: '{{ ds }}'}}}}
  - {id: d, uses: bash, with: {bash_command: "docker ps --format '{{.Names}}' $${{ ds }}", output_encoding: '{{ ds }}'}}
"""
    assert remarks(text, tmp_path) == [
        f"p.yaml:3:46: tasks.a.with.bash_command: '{{{{ ds }}}}'{NOT_RENDERED}",
        f"p.yaml:3:74: tasks.a.with.env.DAY: '{{{{ ds_nodash }}}}'{NOT_RENDERED}",
        f"p.yaml:4:45: tasks.b.with.day: '{{{{ logical_date | ds }}}}'{NOT_RENDERED}",
        f"p.yaml:4:83: tasks.b.with.paths[1]: '{{{{params.path}}}}'{NOT_RENDERED}",
    ]


def test_a_template_in_an_object_or_a_callback_is_named(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text("def load(a): ...\ndef told(context, text): ...\ndef part(name): ...\n")
    text = """\
dag_id: d
on_failure_callback: [{uses: "steps:told", with: {text: "at {{ ds }}"}}]
on_success_callback: {uses: "steps:told", with: {text: {$t: "{{ ds }}"}}}
tasks:
  - {id: a, uses: "steps:load", with: {a: {$new: steps.part, args: ["{{ ds }}"]}}}
"""
    assert remarks(text, tmp_path) == [
        f"p.yaml:2:57: on_failure_callback[0].with.text: '{{{{ ds }}}}'{NOT_RENDERED}",
        f"p.yaml:5:69: tasks.a.with.a.args[0]: '{{{{ ds }}}}'{NOT_RENDERED}",
    ]


def test_text_full_of_braces_is_looked_through_once() -> None:
    assert template_in("{{" * 200_000) is None
    assert template_in("{{ ds" * 100_000) is None


def test_a_mapping_that_is_nearly_the_schema_of_a_param(tmp_path: Path) -> None:
    nearly, not_at_all = "{type: string, default: eu, choices: [eu]}", "{type: s3, path: x}"
    text = f"dag_id: d\nparams: {{region: {nearly}, store: {not_at_all}}}\ntasks: [{{id: t}}]\n"
    assert remarks(text, tmp_path) == [
        "p.yaml:2:18: params.region: is taken as a mapping, not as the schema of a param, for its 'choices' is not of"
        " JSON Schema\nhint: for a mapping that looks like one, write {$const: {…}}"
    ]
