"""Documents made at random from the words of the language: check passes what is built and stored; nothing raises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airfleet.pipelines.airflow.import_common import dags_and_problems
from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.pipelines.language.arguments import (
    DAG_ARGUMENTS,
    DOCUMENT_KEYS,
    GROUP_ARGUMENTS,
    GROUP_KEYS,
    TASK_ARGUMENTS,
    TASK_KEYS,
)
from airfleet.pipelines.language.values import MARKERS

TEXTS = st.sampled_from(
    [
        "",
        "a",
        "bash",
        "m:f",
        "x.Y",
        "{{ ds }}",
        "${{ job.name }}",
        "@daily",
        "5m",
        "2026-01-01",
        "s3://b/k",
        "\u00e9\u0000",
    ]
)
SCALARS = TEXTS | st.none() | st.booleans() | st.integers(-2, 70000) | st.floats(allow_nan=False)


def odd_keys(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Mostly nothing; else a few keys of these with any values."""
    return st.just({}) | st.just({}) | st.just({}) | st.dictionaries(st.sampled_from(names), VALUES, max_size=2)


def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from([*MARKERS, "with", "args", "uses", "a", "name", "uri", "cron", "every", "assets", "or"])
    return st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)


VALUES = st.recursive(SCALARS, deeper, max_leaves=6)
#: an earlier entry of the document, see :func:`named`
EARLIER = st.integers(0, 9).map(lambda number: f"@{number}")
GIVEN = (
    TEXTS.filter(lambda text: "\0" not in text and "$" not in text) | st.integers(0, 9) | st.lists(st.integers(0, 9))
)
RENDERED = st.just({"$t": "{{ ds }}"}) | EARLIER.map(lambda one: {"$x": one})
ITEMS = st.lists(GIVEN | st.just({"$t": "{{ ds }}"}), min_size=1, max_size=3) | EARLIER.map(lambda one: {"$x": one})
WORK: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.builds(lambda text: {"uses": "bash", "with": {"bash_command": text}}, st.just("ls") | RENDERED),
    st.builds(lambda value: {"uses": "m:f", "with": {"a": value}}, GIVEN | RENDERED | st.just({"$item": "x"})),
    st.builds(lambda items: {"uses": "m:g", "expand": {"a": items}}, ITEMS),
    st.builds(lambda a, b: {"uses": "m:f", "expand": {"a": a, "b": b}}, ITEMS, ITEMS),
    st.builds(lambda items: {"uses": "m:f", "expand": {"zip": {"a": items, "b": items}}}, ITEMS),
    st.builds(lambda items: {"uses": "bash", "with": {"cwd": "/"}, "expand": {"bash_command": items}}, ITEMS),
    st.builds(lambda a: {"uses": "m:f", "expand_kwargs": [{"a": a}, {"b": a}]}, GIVEN),
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "needs": st.lists(EARLIER, max_size=2),
        "retries": st.integers(0, 3),
        "setup": st.booleans(),
        "pool": st.just("p"),
        "trigger_rule": st.sampled_from(["all_done", "one_failed"]),
        "outlets": st.lists(st.sampled_from(["s3://b/k", "orders"]), max_size=1),
    },
)
TASKS = st.builds(lambda work, options, odd: work | options | odd, WORK, OPTIONS, odd_keys(*TASK_KEYS, *TASK_ARGUMENTS))


def groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    known = st.fixed_dictionaries(
        {},
        optional={
            "needs": st.lists(EARLIER, max_size=2),
            "expand": ITEMS.map(lambda items: {"x": items}),
            "prefix": st.booleans(),
            "defaults": st.just({"retries": 1}),
        },
    )
    tasks = st.lists(TASKS | inner, min_size=1, max_size=3)
    odd = odd_keys(*GROUP_KEYS, *GROUP_ARGUMENTS)
    return st.builds(lambda tasks, known, odd: {"group": "", "tasks": tasks, **known, **odd}, tasks, known, odd)


ENTRIES = st.recursive(TASKS, groups, max_leaves=5)
DOCUMENTS = st.builds(
    lambda tasks, known, odd: named({"dag_id": "d", "tasks": tasks, **known, **odd}),
    st.lists(ENTRIES, min_size=1, max_size=4),
    st.fixed_dictionaries(
        {}, optional={"schedule": st.sampled_from(["@daily", "0 6 * * *"]), "start_date": st.just("2026-01-01")}
    ),
    odd_keys(*DOCUMENT_KEYS, *DAG_ARGUMENTS, "sched"),
)


def named(document: dict[str, Any]) -> dict[str, Any]:
    """Give every entry an id of its own, and every reference an entry before it; one without any is left out."""
    tasks: list[str] = []
    count = iter(range(1000))

    def entry(one: Any, prefix: str) -> Any:
        if not isinstance(one, dict):
            return one
        name = f"e{next(count)}"
        resolved = {key: resolve(value) for key, value in one.items() if key != "tasks"}
        if "group" not in one:
            tasks.append(prefix + name)
            return {"id": name, **resolved}
        inner = f"{prefix}{name}." if one.get("prefix") is not False else ""
        listed = one["tasks"] if isinstance(one["tasks"], list) else []
        return {**resolved, "group": name, "tasks": [entry(item, inner) for item in listed]}

    def resolve(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("@") and value[1:].isdecimal():
            return tasks[int(value[1:]) % len(tasks)] if tasks else "nothing"
        if isinstance(value, list):
            return [resolve(item) for item in value if tasks or not str(item).startswith("@")]
        return {key: resolve(item) for key, item in value.items()} if isinstance(value, dict) else value

    listed = document["tasks"] if isinstance(document["tasks"], list) else []
    return {**document, "tasks": [entry(one, "") for one in listed]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("random")
    (made / "m.py").write_text("def f(a=None, b=None): ...\ndef g(a): ...\n")
    return made


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=DOCUMENTS)
def test_what_check_passes_is_built_and_stored(document: dict[str, Any], folder: Path) -> None:
    file = folder / "p.yaml"
    file.write_text(json.dumps(document))
    checked = read_and_check(file, environ={})
    dags, problems = dags_and_problems(file)
    said = [str(problem) for problem in problems]
    assert not any("mistake in airfleet" in sentence for sentence in said)
    if not checked.problems:
        assert said == []
        assert len(dags) == len(checked.pipelines)
