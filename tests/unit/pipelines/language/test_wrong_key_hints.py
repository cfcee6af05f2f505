"""What people bring from Airflow in Python and from other formats is answered with what to write here, today."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check

INTERVAL = "write schedule: {{every: {}}}"
ASSET = "write schedule: {assets: ['s3://b/k']}"
AT_ASSETS = "assets of a schedule stand at 'assets'"
NOT_A_SCHEDULE = "must be a cron expression, a preset such as '@daily', a list of cron expressions, a mapping, or null"
NEEDS_USES = "a timetable needs 'uses', the import path of its class"
TIMETABLE = "write airflow.timetables.trigger.CronTriggerTimetable, for example"
NO_OBJECTS = "'__type__' makes no Python object here"
OBJECTS = "write {$new: x.Y, with: {z: …}}; to pass on the mapping itself, wrap it in {$const: …}"
SETUP = "is said of a task"
SETUP_HINT = "write 'setup: true' or 'teardown: true' at the task, or 'teardown: {setups: [ids]}'"

OF_A_PIPELINE = [
    ("schedule: 5m", "schedule", "'5m' is a duration, not a cron expression", INTERVAL.format("5m")),
    ("schedule: PT1H", "schedule", "'PT1H' is a duration, not a cron expression", INTERVAL.format("PT1H")),
    ("schedule: 5", "schedule", NOT_A_SCHEDULE, None),
    ("schedule: {days: 1}", "schedule", "a length is written 'every'", INTERVAL.format("1d")),
    ("schedule: {minutes: 30, hours: 1}", "schedule", "a length is written 'every'", INTERVAL.format("1h30m")),
    ("schedule: {months: 1, days: 2}", "schedule", "a length is written 'every'", INTERVAL.format("P1M2D")),
    ("schedule: [{uri: s3://b/k}]", "schedule", AT_ASSETS, ASSET),
    ("schedule: [s3://b/k]", "schedule", AT_ASSETS, ASSET),
    ("schedule: [{__type__: airflow.sdk.Asset, uri: s3://b/k}]", "schedule", AT_ASSETS, ASSET),
    ("schedule: ['@daily', s3://b/k]", "schedule", "mixes cron expressions and assets",
     "write schedule: {assets: ['s3://b/k'], or: …}"),
    ("schedule: {datasets: [s3://b/k]}", "schedule", AT_ASSETS, ASSET),
    ("schedule: {datasets: [s3://b/k], timetable: {uses: a.B}}", "schedule", AT_ASSETS,
     "write schedule: {assets: ['s3://b/k'], or: …}"),
    ("schedule: {datasets: '((a & b) | c)'}", "schedule", AT_ASSETS,
     "write schedule: {any: [{all: [a, b]}, c]} for (a & b) | c"),
    ("schedule: {__and__: [{uri: s3://b/k}]}", "schedule", AT_ASSETS, ASSET),
    ("schedule: {timetable: {callable: a.B}}", "schedule", "a timetable is written 'uses'",
     "write schedule: {uses: import path of the class, with: {…}}"),
    ("schedule: s3://b/k", "schedule", "'s3://b/k' is not a cron expression",
     f"for a run after an asset has changed, {ASSET}"),
    ("schedule: TZ=Europe/Berlin 0 6 * * *", "schedule", "a cron expression cannot name its time zone so",
     "write schedule: 'CRON_TZ=Europe/Berlin 0 6 * * *'"),
    ("tz: Europe/Berlin", "tz", "is written 'timezone'", "write timezone: Europe/Berlin"),
    ("timetable: {uses: a.B}", "timetable", "is written 'schedule'",
     "write schedule: {uses: import path of the class, with: {…}}"),
    ("schedule_interval: '@daily'", "schedule_interval", "is written 'schedule'",
     "write schedule: '@daily', for example"),
    ("datasets: [s3://b/k]", "datasets", "is written 'schedule'", "write schedule: {assets: [s3://lake/orders]}"),
    ("includes: [_a.yaml]", "includes", "is written 'include'", "write include: [_shared.yaml]"),
    ("extends: _a.yaml", "extends", "is written 'include'", "write include: [_shared.yaml]"),
    ("orientation: LR", "orientation", "has no effect in Airflow 3", "leave it out"),
    ("default_view: graph", "default_view", "has no effect in Airflow 3", "leave it out"),
    ("dagrun_timeout_sec: 60", "dagrun_timeout_sec", "a duration has its unit", "write dagrun_timeout: 3600s"),
    ("on_failure_callback: {callback: a.b.SlackNotifier, channel: x}", "on_failure_callback",
     "a callback needs 'uses', a function or the class of a notifier",
     "write {uses: a.b.SlackNotifier, with: {channel: …}}"),
    ("on_failure: a:b", "on_failure", "is written 'on_failure_callback'", "write on_failure_callback: module:function"),
    ("macros: {}", "macros", "is written 'user_defined_macros'", "write user_defined_macros: {name: module:function}"),
    ("docs: x", "docs", "is written 'doc_md'", "write doc_md: {$f: its/path.md}"),
    ("catchup: yes", "catchup", "must be true or false, not the text 'yes'", "write true"),
    ("catchup: Off", "catchup", "must be true or false, not the text 'Off'", "write false"),
    ("dagrun_timeout: -5m", "dagrun_timeout", "must not be negative, but is -5m", None),
    ("description: true", "description", "must be text, not true", "put it in quotes: 'true'"),
    ("schedule: {uses: cron}", "schedule.uses", "'cron' is not the import path of a class", TIMETABLE),
    ("schedule: {uses: 'm:f'}", "schedule.uses", "'m:f' is not the import path of a class", TIMETABLE),
    ("schedule: {__type__: a.B, cron: x}", "schedule", NEEDS_USES, "write schedule: {uses: a.B, with: {cron: …}}"),
    ("params: {p: {__type__: airflow.sdk.Param, default: 1}}", "params.p", NO_OBJECTS, "write {default: …}"),
    ("owner_links: {a: {__type__: a.B}}", "owner_links", NO_OBJECTS, "write the values themselves"),
    ("defaults: {executor_config: {pod: [{__type__: x.Y, z: 1}]}}", "defaults.executor_config.pod[0]", NO_OBJECTS,
     OBJECTS),
    ("on_failure_callback: shopx.steps.told", "on_failure_callback",
     "'shopx.steps.told' is not the name of a function", "write shopx.steps:told"),
]  # fmt: skip

OF_A_TASK = [
    ("as_setup: true", "as_setup", SETUP, SETUP_HINT),
    ("is_teardown: true", "is_teardown", SETUP, SETUP_HINT),
    ("datasets: [s3://b/k]", "datasets", "a task has 'inlets' and 'outlets'",
     "write outlets: [s3://lake/orders] for assets that the task changes"),
    ("outlets: [{__type__: airflow.sdk.Asset, uri: s3://b/k}]", "outlets[0]", "'__type__' makes no asset here",
     "write its address (s3://lake/orders), its name, or {name: …, uri: …}"),
    ("retry_delay_sec: 5", "retry_delay_sec", "a duration has its unit", "write retry_delay: 300s"),
    ("needs: 'a, a'", "needs[0]", "there is no task 'a, a'", "several tasks are a list: [a]"),
    ("needs: 'a b'", "needs[0]", "there is no task 'a b'", "several tasks are a list: [a, b]"),
    ("needs: 'A'", "needs[0]", "there is no task 'A'", "did you mean 'a'?"),
    ("needs: load", "needs[0]", "there is no task 'load'",
     "dots in ids make no group: name the tasks themselves, as in needs: [load.w, load.x, load.y and 1 more]"),
    ("uses: 'm:f', with: {a: {$x: load}}", "with.a", "there is no task 'load'",
     "dots in ids make no group: an output is of one task, such as 'load.w'"),
    ("uses: 'm:f', with: {a: {$x: a.rows}}", "with.a", "there is no task 'a.rows'",
     "another output of 'a' is written {$x: {task: a, key: rows}}"),
    ("uses: 'm:f', with: {a: {b: [{__type__: x.Y, z: 1}]}}", "with.a.b[0]", NO_OBJECTS, OBJECTS),
    ("uses: 'm:f', with: {a: {$ref: x}}", "with.a",
     "'$ref' is not a marker; there are $t, $x, $f, $item, $new and $const",
     "to pass such a key on as it is, wrap the mapping in {$const: ...}"),
    ("uses: 'm:f', with: {a: {$x: {task: a, key: ''}}}", "with.a",
     "$x needs the key of an output, not an empty text", "leave 'key' out for what the task returns"),
    ("uses: 'm:f', with: {a: {$f: ''}}", "with.a", "$f takes the path of a file of the project", None),
    ("uses: 'm:f', with: {a: '${{ params.x }}'}", "with.a",
     "'params' is not known in '${{ }}'; there are job, env and vars",
     "to render when the task runs, write {$t: \"{{ ... }}\"} without the '$'"),
    ("uses: 'm:f', with: {a: '${{ secrets.X }}'}", "with.a",
     "'secrets' is not known in '${{ }}'; there are job, env and vars",
     "a task takes a secret from a connection or variable of Airflow when it runs"),
    ("uses: docker.docker", "uses", "provider 'docker' is not installed",
     "add apache-airflow-providers-docker to the requirements"),
    ("uses: cncf.kubernetes.pod", "uses", "provider 'cncf.kubernetes' is not installed",
     "add apache-airflow-providers-cncf-kubernetes to the requirements"),
    ("uses: BashOperator", "uses", "there is no operator 'BashOperator'", "write uses: bash"),
]  # fmt: skip


def said(text: str, folder: Path) -> list[str]:
    (folder / "p.yaml").write_text(text)
    problems = read_and_check(folder / "p.yaml", environ={}).problems
    return [f"{problem.path}: {problem.sentence} | {problem.hint}" for problem in problems]


@pytest.mark.parametrize(("written", "path", "sentence", "hint"), OF_A_PIPELINE)
def test_of_a_pipeline(written: str, path: str, sentence: str, hint: str, tmp_path: Path) -> None:
    assert said(f"dag_id: d\n{written}\ntasks: [{{id: a}}]\n", tmp_path) == [f"{path}: {sentence} | {hint}"]


@pytest.mark.parametrize(("written", "path", "sentence", "hint"), OF_A_TASK)
def test_of_a_task(written: str, path: str, sentence: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def f(a): ...\n")
    grouped = "".join(f"- {{id: load.{name}}}\n" for name in "xyzw")
    text = f"dag_id: d\ntasks:\n- {{id: a}}\n- {{id: b}}\n{grouped}- {{id: t, {written}}}\n"
    assert said(text, tmp_path) == [f"tasks.t.{path}: {sentence} | {hint}"]


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("dag_id:odd\nschedule: x\n", "1:8", "write 'dag_id: odd'"),
        ("dag_id: d\ntasks:\n- id:a\n  uses: bash\n", "3:6", "write 'id: a'"),
        ("{dag_id:d, tasks: [{id: a}]}\n", "1:2", "write dag_id: d"),
        ("dag_id: d\ntasks:\n- {id:a, id: b}\n", "3:4", "write id: a"),
    ],
)
def test_a_space_that_is_missing_after_a_key(text: str, place: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text)
    problems = read_and_check(tmp_path / "p.yaml", environ={}).problems
    glued = [problem for problem in problems if problem.sentence == "a space is missing after ':'"]
    assert [(f"{problem.place.line}:{problem.place.column}", problem.hint) for problem in glued] == [(place, hint)]
