"""Two versions of pipelines: each difference is one sentence, and what makes no difference is none."""

from __future__ import annotations

import pytest

from airfleet.pipelines.comparison.changes import between
from airfleet.pipelines.language.spec import Pipeline
from airfleet.pipelines.reading.reader import read

BASE = """\
dag_id: shop
schedule: "@daily"
start_date: 2026-01-01
defaults: {retries: 1, retry_delay: 5m}
tasks:
  - {id: fetch, uses: "shop:fetch", with: {url: "http://a"}}
  - {id: load, uses: "shop:load", with: {rows: {$x: fetch}}}
  - {id: say, uses: bash, with: {bash_command: "echo a"}, needs: [load]}
"""


def pipelines(text: str) -> tuple[Pipeline, ...]:
    found = read(text, "shop.yaml")
    assert found.problems == ()
    return found.pipelines


def said(old: str, new: str) -> list[str]:
    return [f"{change.kind}: {change.sentence}" for change in between(pipelines(old), pipelines(new))]


@pytest.mark.parametrize(
    ("changed", "into", "sentences"),
    [
        ('"@daily"', '"0 6 * * *"', ["changed: schedule changed from @daily to 0 6 * * *"]),
        ('schedule: "@daily"\n', "", ["changed: schedule changed from @daily to none"]),
        ('"@daily"', "{assets: [a, b]}", ["changed: schedule changed from @daily to a and b"]),
        ("id: fetch,", "id: fetch, outlets: [s3://x, {alias: y}],",
         ["added: outlets of task 'fetch' is now [s3://x, {alias: y}]"]),
        ("start_date: 2026-01-01", "start_date: 2026-02-01",
         ["changed: start_date changed from 2026-01-01 00:00:00 to 2026-02-01 00:00:00"]),
        ("start_date: 2026-01-01", "start_date: 2026-01-01\ncatchup: true", ["added: catchup is now true"]),
        ("start_date: 2026-01-01\n", "", ["removed: start_date is no longer set; it was 2026-01-01 00:00:00"]),
        ("retries: 1", "retries: 3", ["changed: retries of all tasks changed from 1 to 3"]),
        ("retry_delay: 5m", "retry_delay: 5m, pool: big", ["added: pool of all tasks is now 'big'"]),
        ("needs: [load]}", "needs: [load], retries: 4}", ["changed: retries of task 'say' changed from 1 to 4"]),
        ("needs: [load]", "needs: [fetch]",
         ["changed: task 'say' now needs 'fetch'", "changed: task 'say' no longer needs 'load'"]),
        ("start_date: 2026", "timezone: Europe/Berlin\nstart_date: 2026", ["added: timezone is now 'Europe/Berlin'"]),
        ('"shop:fetch",', '"shop:fetch", sensor: true,', ["added: sensor of task 'fetch' is now true"]),
        ('"shop:fetch",', '"shop:fetch", isolation: {python: /p},',
         ["added: isolation of task 'fetch' is now {python: {python: '/p'}}"]),
        ('"echo a"', '"echo b"', ["changed: bash_command of task 'say' changed from 'echo a' to 'echo b'"]),
        ('"http://a"}', '"http://a", size: 5}', ["added: size of task 'fetch' is now 5"]),
        ("{$x: fetch}", "{$x: {task: fetch, key: k}}",
         ["changed: rows of task 'load' changed from {$x: fetch} to {$x: {task: fetch, key: k}}"]),
        ('"shop:load"', '"shop:store"', ["changed: task 'load' uses shop:store instead of shop:load"]),
        ("with: {rows: {$x: fetch}}", "expand: {rows: {$x: fetch}}",
         ["changed: task 'load' is now repeated for each rows of {$x: fetch}",
          "removed: rows of task 'load' is no longer set; it was {$x: fetch}"]),
        ("id: say,", "id: tell,",
         ["changed: task 'say' is now called 'tell': Airflow takes it for another one"]),
        ("  - {id: say, uses: bash", "  - {id: check, uses: bash, with: {bash_command: x}, needs: [load]}\n"
         "  - {id: say, uses: bash", ["added: task 'check' (bash) is new, after 'load'"]),
        ('  - {id: say, uses: bash, with: {bash_command: "echo a"}, needs: [load]}\n', "",
         ["removed: task 'say' is gone"]),
        ("dag_id: shop", "dag_id: store",
         ["changed: pipeline 'shop' is now called 'store': Airflow takes it for another one"]),
    ],
)  # fmt: skip
def test_a_difference_is_a_sentence(changed: str, into: str, sentences: list[str]) -> None:
    assert changed in BASE
    assert said(BASE, BASE.replace(changed, into)) == sentences


def test_order_comments_and_templates_make_no_difference() -> None:
    new = (
        "# orders of the shop\ntemplates: {say: {uses: bash, needs: [load]}}\nschedule: '@daily'\ndag_id: shop\n"
        "start_date: 2026-01-01\ntasks:\n"
        "  - {id: say, extends: say, retries: 1, retry_delay: 300s, with: {bash_command: echo a}}\n"
        "  - {id: load, retries: 1, retry_delay: 5m, uses: 'shop:load', with: {rows: {$x: fetch}}, needs: [fetch]}\n"
        "  - {id: fetch, retries: 1, retry_delay: 5m, uses: 'shop:fetch', with: {url: 'http://a'}}\n"
    )
    assert said(BASE, new) == []


@pytest.mark.parametrize("written", ["with: {url: VALUE}", "with: {url: [{a: VALUE}]}", "params: {url: VALUE}"])
def test_true_is_another_value_than_1(written: str) -> None:
    old, new = (BASE.replace('with: {url: "http://a"}', written).replace("VALUE", value) for value in ("1", "true"))
    assert len(said(old, new)) == 1
    assert said(new, new) == []


def test_a_task_and_a_group_move_into_a_group_and_keep_their_ids() -> None:
    old = "dag_id: d\ntasks:\n- {id: a}\n- {group: inner, prefix: false, tasks: [{id: b}]}\n"
    new = (
        "dag_id: d\ntasks:\n- group: outer\n  prefix: false\n  tasks:\n"
        "  - {id: a}\n  - {group: inner, prefix: false, tasks: [{id: b}]}\n"
    )
    moved = ["changed: group 'inner' is now in group 'outer'", "changed: task 'a' is now in group 'outer'"]
    assert said(old, new) == ["added: group 'outer' is new", *moved]
    back = [sentence.replace("is now in group 'outer'", "is in no group any more") for sentence in moved]
    assert said(new, old) == [back[0], "removed: group 'outer' is gone", back[1]]


def test_a_change_of_some_tasks_is_said_once() -> None:
    new = BASE.replace('"http://a"}}', '"http://a"}, queue: big}').replace(
        "needs: [load]}", "needs: [load], queue: big}"
    )
    assert said(BASE, new) == ["added: queue of tasks 'fetch' and 'say' is now 'big'"]


def test_pipelines_come_and_go() -> None:
    other = "---\ndag_id: other\ntasks: [{id: a}, {id: b}]\n"
    assert said(BASE, BASE + other) == ["added: pipeline 'other' is new, with 2 tasks"]
    assert said(BASE + other, BASE) == ["removed: pipeline 'other' is gone"]


def test_groups_and_setups() -> None:
    grouped = BASE + "  - group: end\n    tooltip: x\n    tasks: [{id: a}]\n"
    assert said(BASE, grouped) == ["added: group 'end' is new", "added: task 'end.a' is new"]
    assert said(grouped, BASE) == ["removed: group 'end' is gone", "removed: task 'end.a' is gone"]
    assert said(grouped, grouped.replace("tooltip: x", "tooltip: y")) == [
        "changed: tooltip of group 'end' changed from 'x' to 'y'"
    ]
    assert said(BASE, BASE.replace("id: fetch,", "id: fetch, setup: true,")) == ["changed: task 'fetch' is now a setup"]


def test_schedules_that_look_alike_are_written_out() -> None:
    old, new = (BASE.replace('"@daily"', f"{{events: [2026-12-{day}]}}") for day in (24, 26))
    assert said(old, new) == [
        "changed: schedule changed "
        "from Events(moments: [2026-12-24 00:00:00]) to Events(moments: [2026-12-26 00:00:00])"
    ]


def test_texts_of_several_lines_are_kept_for_a_diff() -> None:
    old, new = (BASE.replace('"echo a"', f'"a\\n{end}"') for end in ("b", "c"))
    (change,) = between(pipelines(old), pipelines(new))
    assert (change.sentence, change.old, change.new) == ("bash_command of task 'say' changed", "a\nb", "a\nc")
    assert change.place.line == 8
