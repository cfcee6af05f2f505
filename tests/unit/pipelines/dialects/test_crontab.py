"""Crontabs become a Dag for each line."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from airfleet.pipelines.dialects.crontab import documents, is_crontab
from airfleet.pipelines.dialects.environment_names import Environment
from airfleet.pipelines.dialects.translation import Translation
from airfleet.yaml import nodes


def converted(text: str, accounts: frozenset[str] = frozenset()) -> tuple[list[Any], list[str]]:
    translation = Translation("jobs", Environment(None), dt.date(2026, 3, 15))
    found = [nodes.plain(document) for document in documents(text, translation, accounts)]
    return found, [str(problem) for problem in translation.report.problems]


def the_dag(text: str, **more: Any) -> Any:
    (dag,), problems = converted(text, **more)
    assert problems == []
    return dag


def test_a_line_is_a_dag_with_one_task() -> None:
    assert the_dag("0 3 * * *\t/usr/bin/backup.sh --all >/dev/null 2>&1\n") == {
        "dag_id": "backup",
        "schedule": "0 3 * * *",
        "catchup": False,
        "tasks": [{"id": "run", "uses": "bash", "with": {"bash_command": "/usr/bin/backup.sh --all >/dev/null 2>&1"}}],
    }


def test_settings_hold_for_the_lines_below() -> None:
    text = (
        '0 1 * * * first\nMAILTO="a@shop.org, b@shop.org"\nCRON_TZ=Europe/Berlin\nPATH=/bin\nSHELL=/bin/sh\n'
        "# Send the reports\n@midnight report\n"
    )
    (first, second), _ = converted(text)
    assert set(first) == {"dag_id", "schedule", "catchup", "tasks"}
    assert second == {
        "dag_id": "send_the_reports",
        "description": "Send the reports",
        "schedule": "@daily",
        "timezone": "Europe/Berlin",
        "catchup": False,
        "defaults": {"email": ["a@shop.org", "b@shop.org"], "email_on_failure": True},
        "tasks": [
            {
                "id": "run",
                "uses": "bash",
                "with": {"bash_command": "report", "env": {"PATH": "/bin"}, "append_env": True},
            }
        ],
    }


@pytest.mark.parametrize(
    ("command", "dag_id"),
    [
        ("cd /srv && flock -n /tmp/l ./sync.py --x", "sync"),
        ("/usr/bin/env python3 /opt/Load-Orders.py", "load_orders"),
        ("A=1 psql -c 'vacuum'", "a"),
        ("[ -x /x ] || true", "x"),
        ("1 2 3", "job"),
    ],
)
def test_dags_are_named_after_programs(command: str, dag_id: str) -> None:
    assert the_dag(f"0 1 * * * {command}\n")["dag_id"] == dag_id


def test_ids_are_made_different() -> None:
    dags, _ = converted("0 1 * * * a\n0 2 * * * a\n0 3 * * * a\n")
    assert [dag["dag_id"] for dag in dags] == ["a", "a_2", "a_3"]


def test_percent_signs() -> None:
    command = the_dag("0 1 * * * mail -s \\%x me%Hello%you\n")["tasks"][0]["with"]["bash_command"]
    assert command == "mail -s %x me <<'END_OF_INPUT'\nHello\nyou\nEND_OF_INPUT"


def test_accounts_of_etc_crontab_are_owners() -> None:
    dag = the_dag("17 * * * * root run-parts /etc/cron.hourly\n", accounts=frozenset({"root"}))
    assert dag["defaults"] == {"owner": "root"}
    assert dag["tasks"][0]["with"]["bash_command"] == "run-parts /etc/cron.hourly"


def test_what_airflow_cannot_say() -> None:
    dags, problems = converted("@reboot a\n61 * * * * b\nnonsense\n")
    assert dags == []
    assert [problem.partition("\n")[0] for problem in problems] == [
        "jobs:1:1: line 1: '@reboot' is no time that Airflow knows: the line is left out",
        "jobs:2:1: line 2: '61 * * * *': the minute '61' is not between 0 and 59",
        "jobs:3:1: line 3: this is no line of a crontab: a schedule and a command",
    ]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("# x\nA=1\n0 1 * * * a\n", True),
        ("@daily a\n", True),
        ("dag_id: a\nschedule: x\n", False),
        ("this is a text of some words\n", False),
        ("", False),
    ],
)
def test_a_crontab_is_known_by_its_lines(text: str, answer: bool) -> None:
    assert is_crontab(text) == answer
