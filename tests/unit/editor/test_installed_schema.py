"""The schema with the installed operators: it knows their arguments, and refuses nothing that check lets pass."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from airfleet.editor import installed_classes, installed_schema
from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.pipelines.reading import schema as pipelines
from airfleet.problem_codes import Code
from airfleet.yaml.fields import Schema
from unit.pipelines.reading.test_schema import EXAMPLES, ROOT, documents

PAIRS = sorted(ROOT.glob("tests/conformance/pairs/*/*.yaml"))
BASH = "airflow.providers.standard.operators.bash.BashOperator"
NOTIFIER = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"


@functools.cache
def schema() -> Schema:
    return installed_schema.schema()


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema())


def errors(document: Any) -> list[str]:
    """The most telling problem of a document, below the alternatives at which it was found."""
    found = jsonschema.exceptions.best_match(validator().iter_errors(document))
    return [found.message] if found is not None else []


def task(written: str) -> list[str]:
    (document,) = documents(f"dag_id: d\ntasks: [{{id: a, {written}}}]\n")
    return errors(document)


def argument(name: str, of: str) -> Schema:
    """What the schema says of an argument of an operator."""
    found = schema()["$defs"][of]["properties"]["with"]["properties"][name]
    return schema()["$defs"][found["$ref"].rpartition("/")[2]] if set(found) == {"$ref"} else found


def test_the_plain_schema_stays_as_it_is() -> None:
    before = json.dumps(pipelines.schema())
    installed_schema.schema()
    assert json.dumps(pipelines.schema()) == before


def test_it_is_a_schema_of_less_than_two_megabytes() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert len(json.dumps(schema())) < 2_000_000


@pytest.mark.parametrize(
    "file",
    [file for file in [*EXAMPLES, *PAIRS] if not file.parent.name.startswith("factory_")],
    ids=lambda file: f"{file.parent.name}/{file.name}",
)
def test_every_good_file_is_valid(file: Path) -> None:
    found = documents(file.read_text(encoding="utf-8"))
    assert [errors(document) for document in found] == [[] for _ in found]


@pytest.mark.parametrize("uses", ["bash", "standard.bash", BASH])
def test_an_operator_takes_its_own_arguments_by_each_of_its_names(uses: str) -> None:
    assert task(f"uses: {uses}, with: {{bash_command: ls}}") == []
    assert "'bash_comand' was unexpected" in task(f"uses: {uses}, with: {{bash_command: ls, bash_comand: ls}}")[0]
    assert task(f"uses: {uses}, with: {{bash_command: ls, append_env: many}}") != []


@pytest.mark.parametrize("begin", ["templates: {a: {", "tasks: [{group: g, tasks: [{id: a, "])
def test_operators_are_known_in_templates_and_in_groups(begin: str) -> None:
    end = "}}" if begin.startswith("templates") else "}]}]"
    for name, expected in (("bash_command", 0), ("bash_comand", 1)):
        (document,) = documents(f"dag_id: d\n{begin}uses: bash, with: {{{name}: ls}}{end}\ntasks_: 1\n")
        document.pop("tasks_")
        document.setdefault("tasks", [{"id": "b"}])
        assert len(errors(document)) == expected


def test_a_short_name_that_no_provider_has_is_refused() -> None:
    assert task("uses: bahs") != []
    assert task("uses: nowhere.bash") != []


@pytest.mark.parametrize(
    "uses",
    [
        "shop.operators.LoadOperator",
        "'shop.steps:load'",
        "airflow.operators.bash.BashOperator",
        "'standard.${{ job.x }}'",
    ],
)
def test_what_is_not_listed_takes_any_argument(uses: str) -> None:
    assert task(f"uses: {uses}, with: {{anything: 1}}") == []


def test_each_operator_takes_what_it_needs_and_nothing_that_it_does_not_know() -> None:
    standard = [one for one in installed_classes.operators() if "airflow.providers.standard." in one.names[-1]]
    assert len(standard) > 20
    for one in standard:
        given = {name: {"$x": "b"} for name in one.required}
        assert [errors(document_of(uses, given)) for uses in one.names] == [[] for _ in one.names]
        assert [uses for uses in one.names if not errors(document_of(uses, {**given, "nothing": 1}))] == []
        assert [uses for uses in one.names if not errors(document_of(uses, {})) and one.required] == []


def document_of(uses: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"dag_id": "d", "tasks": [{"id": "a", "uses": uses, "with": given}]}


def test_a_signature_with_more_arguments_than_can_be_read_takes_any() -> None:
    assert task("uses: eks_pod, with: {cluster_name: c, anything: 1}") == []


@pytest.mark.parametrize(
    ("more", "is_valid"),
    [("", False), ("with: null", False), ("with: {env: {A: b}}", False), ("with: {bash_command: ls}", True)]
    + [(more, True) for more in ("extends: x", "expand: {bash_command: [a, b]}", "expand_kwargs: [{bash_command: a}]")],
)
def test_what_an_operator_needs_stands_under_with_or_comes_from_elsewhere(more: str, is_valid: bool) -> None:
    assert (task(f"uses: bash, {more}") == []) is is_valid


MARKERS = ["{$t: x}", "{$x: b}", "{$f: a.sql}", "{$new: a.B}", "{$const: 1}", "{$item: x}", "'${{ job.x }}'", "null"]


@pytest.mark.parametrize("value", MARKERS)
@pytest.mark.parametrize("name", ["bash_command", "env", "append_env", "output_processor", "skip_on_exit_code"])
def test_a_marker_may_be_the_value_of_every_argument(name: str, value: str) -> None:
    given = {"bash_command": "ls", name: value}
    assert task(f"uses: bash, with: {{{', '.join(f'{key}: {one}' for key, one in given.items())}}}") == []


VALUES = [
    "5",
    "1.5",
    "-3",
    "true",
    "'5'",
    "'true'",
    "'1e3'",
    "word",
    "5m",
    "'a.b:c'",
    "P1D",
    "[1]",
    "{a: 1}",
    "''",
    "null",
]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ["append_env", "poke_interval", "retry_exit_code", "output_processor", "bash_command"])
def test_no_value_is_refused_that_check_lets_pass_and_wrong_types_are(name: str, value: str, tmp_path: Path) -> None:
    uses = "bash" if name in ("append_env", "output_processor") else "bash_sensor"
    given = {"bash_command": "ls", name: value}
    written = f"uses: {uses}, with: {{{', '.join(f'{key}: {one}' for key, one in given.items())}}}"
    text = f"dag_id: d\ntasks: [{{id: a, {written}}}]\n"
    problems = read_and_check(tmp_path / "p.yaml", environ={}, text=text).problems
    wrong = [one for one in problems if one.code in (Code.ARGUMENT_TYPE, Code.FUNCTION_NAME)]
    assert (task(written) != []) is bool(wrong)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bash_command", "str: The command, set of commands or reference to a Bash script (must be '.sh' or '.bash')"),
        ("append_env", "bool: If False(default) uses the environment variables passed in env params"),
    ],
)
def test_an_argument_has_its_annotation_and_the_words_of_the_docstring(name: str, says: str) -> None:
    assert argument(name, "task.bash")["description"].startswith(says)


def test_an_inherited_argument_has_the_words_of_the_class_that_it_comes_from() -> None:
    assert (
        "Time that the job should wait in between each try"
        in argument("poke_interval", "task.bash_sensor")["description"]
    )


def test_a_choice_of_texts_is_offered_and_others_are_not_refused() -> None:
    found = argument("file_format", "task.sql_to_s3")
    assert found["anyOf"] == [{"enum": ["csv", "json", "parquet"]}, {}]


def test_an_operator_has_the_first_words_of_its_docstring() -> None:
    [bash] = [one for one in schema()["$defs"]["uses"]["anyOf"] if "bash" in one.get("enum", ())]
    assert bash == {
        "enum": ["bash", "standard.bash", BASH],
        "description": "Execute a Bash script, command or set of commands.",
    }


@pytest.mark.parametrize(
    ("given", "is_valid"),
    [("{to: a@b.c}", True), ("{to: {$t: x}, subject: s}", True), ("{}", False), ("{to: a, subjekt: s}", False)],
)
def test_a_notifier_takes_its_own_arguments(given: str, is_valid: bool) -> None:
    (document,) = documents(
        f"dag_id: d\non_failure_callback: {{uses: {NOTIFIER}, with: {given}}}\ntasks: [{{id: a}}]\n"
    )
    assert (errors(document) == []) is is_valid


@pytest.mark.parametrize(
    ("given", "is_valid"),
    [
        ("args: ['@daily'], with: {timezone: UTC}", True),
        ("args: ['@daily'], with: {timezone: UTC, zone: UTC}", False),
        ("with: {timezone: UTC}", False),
    ],
)
@pytest.mark.parametrize("module", ["airflow.sdk", "airflow.timetables.trigger"])
def test_a_timetable_takes_its_own_arguments(module: str, given: str, is_valid: bool) -> None:
    schedule = f"{{uses: {module}.CronTriggerTimetable, {given}}}"
    (document,) = documents(f"dag_id: d\nschedule: {schedule}\ntasks: [{{id: a}}]\n")
    assert (errors(document) == []) is is_valid
