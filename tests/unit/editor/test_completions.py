"""Completions at a place, which is written ``|``."""

from __future__ import annotations

import pytest

from airfleet.editor.completions import Completion, Project, completions
from airfleet.editor.spots import spot
from unit.editor.test_spots import position

GROUPS = """dag_id: d
templates: {patient: {retries: 5}}
jobs: [{name: eu, source: a.zip}]
tasks:
- {id: begin, uses: bash}
- group: load
  tasks:
  - {id: fetch, uses: "shop.steps:fetch", with: {source: x}}
  - HERE
- {id: end}
"""


def offered(text: str, project: Project) -> dict[str, Completion]:
    found = spot(*position(text))
    assert found is not None
    return {one.label: one for one in completions(found, project)}


def here(written: str) -> str:
    return GROUPS.replace("HERE", written)


@pytest.mark.parametrize(
    ("text", "some", "none"),
    [
        ("dag_id: d\n|", {"schedule", "tasks", "start_date", "catchup"}, {"dag_id", "uses"}),
        (here("{id: x, |}"), {"uses", "needs", "retries", "expand"}, {"id", "group", "tasks"}),
        (here("{|}"), {"id", "group", "uses"}, {"tooltip"}),
        (here("{group: g, |}"), {"tasks", "tooltip", "defaults"}, {"uses", "retries"}),
        (here("{id: x, needs: [|]}"), {"fetch", "begin", "end", "load"}, {"load.fetch"}),
        (here("{id: x, with: {a: {$x: |}}}"), {"fetch", "begin"}, set()),
        (here("{id: x, extends: |}"), {"patient"}, {"fetch"}),
        (here("{id: x, trigger_rule: |}"), {"all_done", "one_failed"}, {"true"}),
        (here("{id: x, depends_on_past: |}"), {"true", "false"}, set()),
        (here("{id: x, uses: |}"), {"bash", "python", "shop.steps:"}, {"shop.steps:fetch"}),
        (here("{id: x, uses: shop.steps:|}"), {"shop.steps:fetch"}, {"bash", "shop.steps:_private"}),
        (here("{id: x, uses: bash, with: {|}}"), {"bash_command", "cwd", "env"}, {"retries"}),
        (here("{id: x, uses: 'shop.steps:fetch', with: {source: a, |}}"), {"mode"}, {"source"}),
        (here("{id: x, with: {a: {$f: |}}}"), {"load.sql"}, set()),
        (here("{id: x, with: {a: '${{ |'}}"), {"job.name", "job.source", "env.", "slug"}, {"ds"}),
        (here("{id: x, with: {a: {$t: '{{ |'}}}"), {"ds", "params"}, {"job.name"}),
        ("dag_id: d\ndefaults: {|}", {"retries", "queue"}, {"id", "schedule"}),
        ("dag_id: d\nschedule: |", {"@daily"}, {"true"}),
    ],
)
def test_what_may_stand_there_is_offered(text: str, some: set[str], none: set[str], shop: Project) -> None:
    found = offered(text, shop)
    assert (some - found.keys(), none & found.keys()) == (set(), set())


def test_arguments_come_with_their_words(shop: Project) -> None:
    found = offered(here("{id: x, uses: 'shop.steps:fetch', with: {|}}"), shop)
    assert found["source"].detail == "(needed) the address\nof the shop"
    assert found["source"].text == "source: "


CRON = "airflow.sdk.CronTriggerTimetable"
SMTP = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"


@pytest.mark.parametrize(
    ("text", "some", "none"),
    [
        ("dag_id: d\nschedule: {uses: |}", CRON, "bash"),
        ("dag_id: d\nschedule: {assets: [a], or: {uses: |}}", CRON, "bash"),
        ("dag_id: d\non_failure_callback: {uses: |}", SMTP, "bash"),
        ("dag_id: d\non_failure_callback: [{uses: |}]", SMTP, CRON),
        ("dag_id: d\ntasks: [{id: a, uses: |}]", "bash", SMTP),
    ],
)
def test_uses_takes_the_classes_of_its_place(text: str, some: str, none: str, shop: Project) -> None:
    found = offered(text, shop)
    assert some in found
    assert none not in found


@pytest.mark.parametrize(
    ("text", "name", "detail"),
    [
        (f"schedule: {{uses: {CRON}, with: {{|}}}}", "timezone", "(needed) Which timezone to use"),
        (f"on_failure_callback: {{uses: {SMTP}, with: {{|}}}}", "smtp_conn_id", "The `smtp connection id`"),
        ("tasks: [{id: a, with: {x: {$new: shop.steps.fetch, with: {|}}}}]", "source", "(needed) the address"),
    ],
)
def test_timetables_notifiers_and_objects_have_their_arguments(
    text: str, name: str, detail: str, shop: Project
) -> None:
    assert offered(f"dag_id: d\n{text}", shop)[name].detail.startswith(detail)
