"""``--from``, ``--until``, ``--only`` and ``--mock``: which tasks a local run runs, and which names are refused."""

from __future__ import annotations

from typing import Any

import pytest

from airfleet.errors import FleetError, UsageError
from airfleet.pipelines.language.spec import JinjaText, Pipeline, Task, XCom
from airfleet.pipelines.local.selection import Selection, choose

#: fetch -> clean -> store -> report, and audit beside store
PIPELINE = Pipeline(
    "shop",
    (
        Task("fetch", None),
        Task("in.clean", None, {"rows": XCom("fetch")}),
        Task("store", None, {"rows": (XCom("in.clean"), JinjaText("{{ ds }}"))}),
        Task("audit", None, needs=("in.clean",)),
        Task("report", None, needs=("store",)),
    ),
)


@pytest.mark.parametrize(
    ("asked", "runs"),
    [
        ({}, "fetch in.clean store audit report"),
        ({"begin": ("store",), "mocks": {"in.clean": 1}}, "store report"),
        ({"until": ("store",)}, "fetch in.clean store"),
        ({"until": ("audit", "in.clean")}, "fetch in.clean audit"),
        ({"begin": ("in.clean",), "until": ("audit",), "mocks": {"fetch": []}}, "in.clean audit"),
        ({"only": ("report", "audit")}, "audit report"),
        ({"only": ("in",), "mocks": {"fetch": 1}}, "in.clean"),
        ({"only": ("*t",)}, "audit report"),
        ({"mocks": {"fetch": 1}}, "fetch in.clean store audit report"),
    ],
)
def test_the_tasks_of_a_run(asked: dict[str, Any], runs: str) -> None:
    chosen = choose(PIPELINE, Selection(**asked))
    assert " ".join(chosen.tasks) == runs
    assert {*chosen.tasks, *chosen.left_out} == {task.id for task in PIPELINE.tasks}
    assert chosen.mocks == asked.get("mocks", {})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"begin": ("stor",)}, "--from: 'shop' has no task 'stor'\nhint: did you mean 'store'?"),
        (
            {"only": ("zzz",)},
            "--only: 'shop' has no task 'zzz'\nhint: it has fetch, in.clean, store, audit, report",
        ),
        ({"mocks": {"fetsh": 1}}, "--mock: 'shop' has no task 'fetsh'\nhint: did you mean 'fetch'?"),
        ({"begin": ("audit",), "until": ("store",)}, "no task is both after --from and before --until"),
    ],
)
def test_a_name_without_a_task_is_a_usage_error(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        choose(PIPELINE, Selection(**asked))
    assert str(raised.value) == said


def test_a_mock_of_a_group_is_one_of_each_task_in_it() -> None:
    assert choose(PIPELINE, Selection(only=("store",), mocks={"in": 7, "aud*": 8})).mocks == {"in.clean": 7, "audit": 8}


def test_a_task_cannot_do_without_the_output_of_one_that_is_left_out() -> None:
    with pytest.raises(FleetError) as raised:
        choose(PIPELINE, Selection(only=("store",)))
    assert str(raised.value) == (
        "task 'store' needs the output of 'in.clean', which is left out\nhint: --mock in.clean=VALUE gives it"
    )
