"""Pages about pipelines: what they show, and what they do not."""

from __future__ import annotations

from airfleet.cli.graph.pipeline_page import index, page
from airfleet.pipelines.language.spec import Pipeline
from airfleet.pipelines.reading.reader import read

TEXT = """
dag_id: shop
description: Orders of a day
doc_md: |
  # Why
  Because.
schedule: "@daily"
tags: [a, b]
defaults: {owner: data}
params:
  region: {type: string, enum: [eu, us], default: eu, description: "Where | when"}
  plain: 3
tasks:
  - {id: fetch, uses: "shop:fetch", with: {password: hidden}, doc: "Gets\\nthem", retries: 2}
  - {id: load, uses: bash, expand: {bash_command: {$x: fetch}}, outlets: [orders]}
"""


def read_one(text: str) -> Pipeline:
    [pipeline] = read(text, "shop.yaml").pipelines
    return pipeline


def test_a_page_has_everything_that_people_ask_for() -> None:
    written = page(read_one(TEXT), "pipelines/shop.yaml")
    assert written.startswith("# shop\n\nOrders of a day\n\n# Why\nBecause.\n\n")
    for line in (
        "| runs | @daily |",
        "| tags | a, b |",
        "| looked after by | data |",
        "| written in | `pipelines/shop.yaml` |",
        '  t0["fetch<br/><small>shop:fetch</small>"]',
        "| `region` | eu | Where \\| when. one of eu, us |",
        "| `plain` | 3 |  |",
        "| `fetch` | `shop:fetch` |  | retries 2 | Gets them |",
        "| `load` | `bash` × bash_command | fetch |  |  |",
        "| `load` |  | orders |",
    ):
        assert line in written.splitlines(), line


def test_values_are_written_as_in_the_file() -> None:
    text = """
dag_id: d
timezone: Europe/Berlin
dagrun_timeout: 1d
params: {flag: true, many: {enum: [[1, 2], 3], default: 3}}
tasks: [{id: a, doc_md: {$f: notes.md}, execution_timeout: 5m}]
"""
    for line in (
        "| time zone | Europe/Berlin |",
        "| a run takes at most | 1d |",
        "| `flag` | true |  |",
        "| `many` | 3 | one of [1, 2], 3 |",
        "| `a` |  |  | execution_timeout 5m | {$f: notes.md} |",
    ):
        assert line in page(read_one(text), "d.yaml").splitlines(), line


def test_no_argument_of_a_task_is_shown() -> None:
    assert "hidden" not in page(read_one(TEXT), "shop.yaml")


def test_a_pipeline_without_params_and_assets_has_no_tables_of_them() -> None:
    written = page(read_one("dag_id: d\ntasks: [{id: a}]\n"), "d.yaml")
    assert "| runs | when triggered |" in written
    assert "## Params" not in written
    assert "## Assets" not in written


def test_the_list_links_to_every_page() -> None:
    other = read_one("dag_id: bills\ntasks: [{id: a}]\n")
    assert index([read_one(TEXT), other]).splitlines()[4:] == [
        "| [bills](bills.md) | when triggered |  |",
        "| [shop](shop.md) | @daily | Orders of a day |",
    ]
