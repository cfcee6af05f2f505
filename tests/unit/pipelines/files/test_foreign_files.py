"""YAML files among the pipelines that are no pipelines are told from pipelines with a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.pipelines.files import foreign_files
from airfleet.pipelines.reading import reader

NO_KEYS = "this is not a pipeline, and is not read: it has none of the keys dag_id, tasks, jobs and templates"


def said(text: str) -> str | None:
    foreign = reader.read(text, "p.yaml").foreign
    return foreign.sentence if foreign else None


@pytest.mark.parametrize(
    "text",
    [
        "dag_id: a\n",
        "dag_id: a\ntask: []\n",
        "dagid: a\ntask: []\n",
        "dag-id: a\n",
        "DAG_ID: a\n",
        "dag_di: a\n",
        "dag_ids: a\ntasks: []\n",
        "Tasks: []\n",
        "templates: {t: {}, u: 1}\n",
        "jobs: [{name: a}]\n",
        "$schema: https://example.org/pipeline.schema.json\n",
        "name: x\n---\ndag_id: a\n",
        "- dag_id: a\n",
        # not YAML to its end
        "tasks: [\n",
        "name: 'x\ndag_id: a\n",
        "{dag_id: a, tasks: [",
        "dag_id: ${{ job.name }}: x\n",
    ],
)
def test_a_pipeline_with_mistakes_is_a_pipeline(text: str) -> None:
    assert said(text) is None
    assert reader.read(text, "p.yaml").problems


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no pipeline in this file"),
        ("# nothing yet\n", "there is no pipeline in this file"),
        ("---\n---\n", "there is no pipeline in this file"),
        ("table: orders\nrows: 3\n", NO_KEYS),
        ("- a\n- b\n", NO_KEYS),
        ("just text\n", NO_KEYS),
        ("tag_id: a\n", NO_KEYS),
        ("name: [\n", NO_KEYS),
        ("value: !Ref bucket\n", NO_KEYS),
        ("x: {{ template }}\n", NO_KEYS),
        ("a: &a [*a]\n", NO_KEYS),
        ("$schema: https://example.org/settings.json\n", NO_KEYS),
        (
            "operator: airflow.operators.bash.BashOperator\nbash_command: ls\n",
            "this is a gusty task, not a pipeline; airfleet does not read it",
        ),
        ("version: 2\nmodels: [{name: a}]\n", "this is a dbt file, not a pipeline; airfleet does not read it"),
        ("name: shop\nconfig-version: 2\n", "this is a dbt file, not a pipeline; airfleet does not read it"),
        ("dag:\n  id: a\n  search: {}\n", "this is a Ro-dou file, not a pipeline; airfleet does not read it"),
        ("on: push\njobs: {a: {}}\n", "this is a GitHub workflow, not a pipeline; airfleet does not read it"),
        ("- hosts: all\n  tasks: []\n", "this is an Ansible playbook, not a pipeline; airfleet does not read it"),
        ("version: '3'\ntasks: {a: {}}\n", "this is a Taskfile, not a pipeline; airfleet does not read it"),
        ("id: a\nnamespace: b\ntasks: []\n", "this is a Kestra flow, not a pipeline; airfleet does not read it"),
        (
            "name: a\ntasks: [{task_key: b}]\n",
            "this is a job of Databricks, not a pipeline; airfleet does not read it",
        ),
        (
            "version: 2.1\njobs: {}\nworkflows: {}\n",
            "this is a CircleCI configuration, not a pipeline; airfleet does not read it",
        ),
        ("jobs: [{job: a}]\n", "this is an Azure pipeline, not a pipeline; airfleet does not read it"),
        ("resources: []\njobs: []\n", "this is a Concourse pipeline, not a pipeline; airfleet does not read it"),
        ("apiVersion: v1\nkind: Pod\n", "this is a Kubernetes manifest, not a pipeline; airfleet does not read it"),
        ("services: {db: {image: x}}\n", "this is a Compose file, not a pipeline; airfleet does not read it"),
    ],
)
def test_another_file_is_named_and_nothing_else_is_said(text: str, sentence: str) -> None:
    reading = reader.read(text, "p.yaml")
    assert said(text) == sentence
    assert (reading.problems, reading.pipelines, reading.drafts) == ((), (), ())
    assert reading.foreign is not None
    assert reading.foreign.hint == foreign_files.HINT


@pytest.mark.parametrize(
    "text",
    [
        "orders:\n  default_args: {owner: me}\n  schedule: '@daily'\n  tasks:\n    a: {operator: x.BashOperator}\n",
        "default:\n  default_args: {}\norders:\n  task_groups: {}\n  tasks: [{task_id: a}]\n",
        "orders:\n  tasks: [{task_id: a}]\n",
        "orders:\n  default_args: {}\n  tasks: 1\n",
    ],
)
def test_a_file_of_dag_factory_is_a_pipeline_file(text: str) -> None:
    assert said(text) is None
    assert "orders" in reader.read(text, "p.yaml").dag_ids


@pytest.mark.parametrize(
    "text", ["shop: {tasks: [build]}\n", "a: {tasks: {b: {cmd: ls}}}\n", "orders: 1\n", "a: {schedule: x}\n"]
)
def test_mappings_of_other_tools_are_not_of_dag_factory(text: str) -> None:
    assert said(text) == NO_KEYS


def test_defaults_of_dag_factory_are_named() -> None:
    sentence = "these are defaults for the dag-factory files beside this one and below"
    assert said("default_args: {owner: me}\nschedule: '@daily'\n") == sentence


def test_a_file_that_is_not_utf8_is_wrong_only_when_it_may_be_a_pipeline(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_bytes("town: Köln\n".encode("latin-1"))
    checked = read_and_check(file, environ={})
    assert checked.problems == ()
    assert checked.foreign is not None
    assert str(checked.foreign).startswith(
        f"{file}:1:8: this is not a pipeline, and is not read: the file is not UTF-8 text (byte 0xF6 here)"
    )
    for content in ("dag_id: Köln\n".encode("latin-1"), "dag_id: a\n".encode("utf-16")):
        file.write_bytes(content)
        assert read_and_check(file, environ={}).problems
