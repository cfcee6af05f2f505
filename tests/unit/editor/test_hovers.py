"""Texts about what is under the mouse, which is written ``|``."""

from __future__ import annotations

import pytest

from airfleet.editor.completions import Project
from airfleet.editor.hovers import hover
from airfleet.editor.spots import written_at
from unit.editor.test_spots import position

BASH = "airflow.providers.standard.operators.bash.BashOperator"
BEGIN = "dag_id: d\ntasks:\n- {id: a, uses: 'shop.steps:fetch', with: {source: x}}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sched|ule: x", "**schedule**\n\nWhen to run"),
        (BEGIN + "- {id: b, retr|ies: 3}", "**retries**\n\nHow often a failed task is tried again."),
        (BEGIN + "- {group: g, tool|tip: x, tasks: []}", "**tooltip**\n\nText shown when the mouse rests"),
        ("groups: {feed: {tool|tip: x}}", "**tooltip**\n\nText shown when the mouse rests"),
        (
            BEGIN + "- {id: b, uses: ba|sh}",
            f"`{BASH}`\n\nExecute a Bash",
        ),
        (
            BEGIN + "- {id: b, uses: 'shop.steps:fe|tch'}",
            "`shop.steps:fetch`\n\nFetch what has changed.\n\nArg",
        ),
        (BEGIN + "- {id: b, uses: 'shop.steps:fetch', with: {sou|rce: x}}", "**source**\n\nthe address\nof the shop"),
        (BEGIN + "- {id: b, with: {x: {$xcom: a|}}}", "**a**: task, uses `shop.steps:fetch`, line 3"),
        (BEGIN + "- {id: b, needs: [a|]}", "**a**: task, uses `shop.steps:fetch`, line 3"),
    ],
)
def test_what_is_known_of_it_is_said(text: str, said: str, shop: Project) -> None:
    written = written_at(*position(text))
    assert written is not None
    assert (hover(written, shop.roots) or "").startswith(said)


@pytest.mark.parametrize(
    "written", ["uses: no|thing", "needs: [no|body]", "own_k|ey: 1", "params: {po|ol: 1}", "queue: fa|st"]
)
def test_of_what_is_not_known_nothing_is_said(written: str, shop: Project) -> None:
    found = written_at(*position(f"{BEGIN}- {{id: b, {written}}}"))
    assert found is not None
    assert hover(found, shop.roots) is None
