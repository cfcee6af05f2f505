"""Assets that Airflow refuses, and assets with two names or two addresses."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk import Asset

from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.pipelines.checks.schedules.asset_names import normalized


def said(folder: Path, keys: str) -> list[str]:
    file = folder / "p.yaml"
    file.write_text(f"dag_id: p\n{keys}\n")
    return [str(one).removeprefix(f"{folder}/") for one in read_and_check(file, environ={}).problems]


WRITE = "write postgres://host/database/schema/table"


@pytest.mark.parametrize(
    ("outlets", "problem"),
    [
        ("''", "26: tasks.a.outlets: must not be empty"),
        ("self", "26: tasks.a.outlets: no asset can be called 'self' in Airflow"),
        ("[a, {name: context}]", "37: tasks.a.outlets[1].name: no asset can be called 'context' in Airflow"),
        ("{alias: self, group: ' '}", "47: tasks.a.outlets.group: must not be empty"),
        ("airflow://x", "26: tasks.a.outlets: the scheme 'airflow' is reserved for Airflow itself"),
        ("s3:///key", "26: tasks.a.outlets: names no bucket\nhint: write s3://bucket/key"),
        ("{uri: s3:///key}", "32: tasks.a.outlets.uri: names no bucket\nhint: write s3://bucket/key"),
        ("postgres://host/table", f"26: tasks.a.outlets: names no table\nhint: {WRITE}"),
        ("'postgres:///d/s/t'", f"26: tasks.a.outlets: names no host\nhint: {WRITE}"),
        ("'http://[::1'", "26: tasks.a.outlets: is no address: invalid ipv6 url"),
        (f"{'x' * 1501}", "26: tasks.a.outlets: is 1501 characters long; Airflow takes 1500"),
        ('"a\\0"', "26: tasks.a.outlets: holds a NUL character (\\0), which the database cannot keep"),
        ("{name: n, extra: {a: [.inf]}}", "48: tasks.a.outlets.extra.a[0]: must be a finite number, not inf"),
        ("{name: n, watchers: [{name: w, trigger: {$new: nowhere.T}}]}",
         "73: tasks.a.outlets.watchers[0].trigger.$new: there is no module 'nowhere'"),
    ],
)  # fmt: skip
def test_an_asset_that_airflow_would_refuse(outlets: str, problem: str, tmp_path: Path) -> None:
    assert said(tmp_path, f"tasks: [{{id: a, outlets: {outlets}}}]") == [f"p.yaml:2:{problem}"]


def test_assets_of_defaults_and_schedules_are_judged_in_the_same_words(tmp_path: Path) -> None:
    sentence = "the scheme 'airflow' is reserved for Airflow itself"
    tasks = (
        "tasks: [{id: b, inlets: ['airflow://x']}, {group: g, defaults: {outlets: 'airflow://x'}, tasks: [{id: c}]}]"
    )
    keys = f"schedule: {{any: [a, 'airflow://x']}}\ndefaults: {{inlets: 'airflow://x'}}\n{tasks}"
    assert said(tmp_path, keys) == [
        f"p.yaml:2:21: schedule.any[1]: {sentence}",
        f"p.yaml:3:20: defaults.inlets: {sentence}",
        f"p.yaml:4:26: tasks.b.inlets[0]: {sentence}",
        f"p.yaml:4:74: tasks.g.defaults.outlets: {sentence}",
    ]


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        ("{name: o, uri: s3://a/b}", "{name: o, uri: s3://c/d}",
         "the asset 'o' has two addresses: 's3://c/d' here, and 's3://a/b'\n"
         "hint: line 2 has it first; for that one, write {ref: o}"),
        ("{name: o, uri: s3://a/b}", "{name: q, uri: s3://a/b/}",
         "the address 's3://a/b/' has two names: 'q' here, and 'o'\n"
         "hint: line 2 has it first; for that one, write {ref: o}"),
        ("s3://a/b", "s3://a/b/",
         "the address 's3://a/b/' has two names: 's3://a/b/' here, and 's3://a/b'\n"
         "hint: line 2 has it first; for that one, write {ref: s3://a/b}"),
    ],
)  # fmt: skip
def test_an_asset_has_one_name_and_one_address(first: str, second: str, problem: str, tmp_path: Path) -> None:
    keys = f"schedule: {{assets: [{first}]}}\ntasks: [{{id: a, outlets: {second}}}]"
    assert said(tmp_path, keys) == [f"p.yaml:3:26: tasks.a.outlets: {problem}"]


@pytest.mark.parametrize("other", ["{ref: o}", "o", "s3://a/b", "{alias: o}", "{name: o, uri: 'S3://a/b/'}"])
def test_the_same_asset_may_be_written_in_several_forms(other: str, tmp_path: Path) -> None:
    keys = f"schedule: {{assets: [{{name: o, uri: s3://a/b}}]}}\ntasks: [{{id: a, outlets: {other}}}]"
    assert said(tmp_path, keys) == []


@pytest.mark.parametrize(
    "uri",
    ["s3://a/b", "S3://a/b//", "s3://a", "s3://u:p@a/b?z=1&a=2#f", "s3://u@a/b", "x-own://A/b/", "plain", "file:/a/"],
)
def test_addresses_are_compared_as_airflow_keeps_them(uri: str) -> None:
    assert normalized(uri) == Asset(name="n", uri=uri).uri
