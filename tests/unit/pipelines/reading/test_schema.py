"""The JSON Schema accepts what the reader accepts; the generated files are up to date."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from airfleet.pipelines.files import listing
from airfleet.pipelines.reading import schema
from airfleet.yaml import nodes

ROOT = Path(__file__).parents[4]
GOLDEN = ROOT / "tests" / "golden" / "pipelines"
EXAMPLES = sorted(file for folder in ROOT.glob("examples/*/pipelines") for file in listing.of(folder).pipelines)

validator = jsonschema.Draft202012Validator(schema.schema())


def documents(text: str) -> list[Any]:
    """As an editor sees them: dates are text."""
    return [_as_json(nodes.plain(node)) for node in nodes.load(text, "f.yaml")[0]]


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date) else value


SCHEDULES = [
    *(
        "0 6 * * *",
        "'@daily'",
        "CRON_TZ=Europe/Berlin 0 6 * * *",
        "[0 6 * * *, '@daily']",
        "{every: P1M}",
        "{every: 5m}",
    ),
    "{cron: [0 6 * * *], timezone: UTC, interval: 1d, run_immediately: true, partition: {offset: -1}}",
    *("{events: [2026-12-24, 2026-12-31T12:00:00], restrict_to_events: true}", "{events: 2026-12-24}"),
    *("{assets: a}", "{assets: [a, {any: [s3://b/c, {all: [{alias: d}, {ref: e}]}]}], or: '@daily'}", "{any: [a]}"),
    "{assets: {uri: s3://b/c, group: g, extra: {a: 1}, watchers: [{name: w, trigger: {$new: a.B}}]}, or: {every: 1d}}",
    "{uses: a.B, args: [1], with: {c: d}}",
]


@pytest.mark.parametrize("written", SCHEDULES)
def test_every_form_of_a_schedule_is_valid(written: str) -> None:
    text = f"dag_id: d\ntimezone: UTC\nschedule: {written}\ntasks: [{{id: a, outlets: [b, {{name: c}}], inlets: d}}]\n"
    (document,) = documents(text)
    assert [error.message for error in validator.iter_errors(document)] == []


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.schema())


@pytest.mark.parametrize(
    "file", [*EXAMPLES, GOLDEN / "air_quality.yaml", GOLDEN / "every_key.yaml"], ids=lambda f: f.stem
)
def test_every_good_file_is_valid(file: Path) -> None:
    found = documents(file.read_text(encoding="utf-8"))
    assert found
    for document in found:
        assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize(
    "line",
    [
        "schedul: x",
        "schedule: 0 0",
        "schedule: [0 6 * * *, 5]",
        "schedule: {every: soon}",
        "schedule: {cron: '@daily', intervall: true}",
        "schedule: {assets: [[a]]}",
        "schedule: {assets: a, or: {assets: b}}",
        "schedule: [{uri: s3://b/c}]",
        "timezone: [UTC]",
        "tasks: [{id: a, outlets: {nmae: x}}]",
        "catchup: maybe",
        "max_active_runs: 0",
        "start_date: soon",
        "jobs: []",
        "jobs: [{x: 1}]",
        "defaults: {retry_delay: soon}",
        "defaults: {catchup: true}",
        "templates: {a: {bash_command: x}}",
        "on_failure_callback: page",
        "tasks: []",
        "tasks: [{uses: bash}]",
        "tasks: [{id: a, uses: 'ba hs'}]",
        "tasks: [{id: a, trigger_rule: some}]",
        "tasks: [{id: a, with: {x: {$y: 1}}}]",
        "tasks: [{id: a, with: {x: {$t: 1}}}]",
        "tasks: [{id: a, with: {$t: x}}]",
    ],
)
def test_what_the_reader_refuses_is_not_valid(line: str) -> None:
    text = f"dag_id: d\n{line}\n" + ("" if line.startswith("tasks") else "tasks: [{id: a}]\n")
    (document,) = documents(text)
    assert list(validator.iter_errors(document))


@pytest.mark.parametrize("name", ["pipeline.schema.json"])  # `make docs` adds links to the page
def test_the_generated_files_are_up_to_date(name: str) -> None:
    assert (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") == schema.files()[name]
