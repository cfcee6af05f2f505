"""Test files: cases with what they share, and every mistake with its place."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from airfleet.pipelines.cases import reader
from airfleet.pipelines.cases.spec import UNSET, Mock

CASES = """
date: 2026-01-31
job: eu
variables: {limit: 3, shop: Alma, pair: {a: 1}}
mocks: {fetch: {returns: [1]}, wait: {skips: true}}
cases:
  - name: one
  - name: two
    date: 2026-02-01T06:00
    now: 2026-02-02T00:00:00+01:00
    timeout: 2m
    pipeline: ../other.yaml
    connections: {db: "postgres://h/d", api: {type: http, host: x, port: 80}}
    mocks: {fetch: {fails: down}, more: {outputs: {rows: 1}, returns: }}
    expect:
      run: failed
      tasks:
        fetch: failed
        "load[1]": {state: success, returns: , contains: [1], rendered: {sql: x}, tries: 2, error: down}
      order: [fetch, load]
"""


def test_a_case_has_what_its_file_has_unless_it_says_otherwise() -> None:
    found = reader.read(CASES, "pipelines/shop.test.yaml")
    assert found.problems == ()
    one, two = found.cases
    assert (one.id, one.pipeline, one.job) == ("pipelines/shop.test.yaml::one", Path("pipelines/shop.yaml"), "eu")
    assert one.date == dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    assert one.variables == {"limit": "3", "shop": "Alma", "pair": '{"a": 1}'}
    assert one.mocks == {"fetch": Mock(returns=[1]), "wait": Mock(skips=True)}
    assert (two.pipeline, two.timeout, two.job) == (Path("pipelines/../other.yaml"), 120.0, "eu")
    assert two.now == dt.datetime(2026, 2, 1, 23, tzinfo=dt.UTC)
    assert two.mocks == {
        "fetch": Mock(fails="down"),
        "wait": Mock(skips=True),
        "more": Mock(outputs={"rows": 1}),
    }
    assert two.connections["db"] == "postgres://h/d"
    assert json.loads(two.connections["api"]) == {"conn_type": "http", "host": "x", "port": 80}
    assert (two.expected.run, two.expected.order) == ("failed", ("fetch", "load"))
    fetch, load = two.expected.tasks.values()
    assert (fetch.state, fetch.returns) == ("failed", UNSET)
    assert (load.state, load.returns, load.contains, load.tries, load.error) == ("success", None, [1], 2, "down")
    assert two.place(f"{load.path}.contains").line == 19


def test_the_pipeline_of_the_same_name_may_lie_in_the_folder_above(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "shop.yaml").write_text("")
    (case,) = reader.read("cases: [{name: a}]", str(tmp_path / "tests" / "shop.test.yaml")).cases
    assert case.pipeline == tmp_path / "shop.yaml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["1:1: there are no cases in this file"]),
        ("[a]", ["1:1: must be a mapping of keys to values"]),
        ("a: 1", ["1:1: 'cases' is missing: the cases; each may have all keys above, which win over those of the file",
                  "1:1: a: unknown key 'a'\nhint: known keys: $schema, pipeline, job, date, now, params, variables, "
                  "connections, mocks, timeout, cases"]),
        ("cases: {a: {}}", ["1:8: cases: must be a list\nhint: each case begins with '- name: …'"]),
        ("cases: [{nmae: a}]", ["1:9: cases[0]: 'name' is missing: the name of the case, unique in the file",
                                "1:10: cases[0].nmae: unknown key 'nmae'\nhint: did you mean 'name'?"]),
        ("cases: [{name: a}, {name: a}]",
         ["1:20: cases[1].name: two cases are named 'a'\nhint: line 1 already has it"]),
        ("cases: [{name: a}]\n---\ncases: [{name: b}]\n",
         ["3:1: a test file is one document\nhint: write another file, or one list of cases"]),
        ("cases: [1, null]", ["1:9: cases[0]: must be a mapping of keys to values",
                              "1:12: cases[1]: must be a mapping of keys to values"]),
        ("date: soon\ncases: []", ["1:7: date: must be a date, as in 2026-01-31 or 2026-01-31T06:00"]),
        ("timeout: soon\ncases: []", ["1:10: timeout: must be a duration, as in 90s or 5m"]),
        ("mocks: {a: 3}\ncases: []", ["1:12: mocks.a: says nothing of returns, fails or skips\n"
                                      "hint: write {returns: VALUE}, {fails: text} or {skips: true}"]),
        ("mocks: {a: {fails: x, skips: true}}\ncases: []",
         ["1:12: mocks.a: has fails and skips; a task ends in one way"]),
        ("mocks: {a: {skips: 1}}\ncases: []", ["1:20: mocks.a.skips: must be true or false"]),
        ("connections: {a: {host: x}}\ncases: []",
         ["1:18: connections.a: 'type' is missing: the kind, as in `postgres`"]),
        ("connections: {a=b: x}\ncases: []",
         ["1:20: connections.a=b: the environment cannot have a connection of this name"]),
        ("cases: [{name: a, expect: {run: sucess}}]",
         ["1:33: cases[0].expect.run: must be one of success, failed\nhint: did you mean 'success'?"]),
        ("cases: [{name: a, expect: {tasks: {b: {tries: x}}}}]",
         ["1:47: cases[0].expect.tasks.b.tries: must be a whole number, 0 or more"]),
        ("cases: [{name: a, expect: {tasks: [b]}}]",
         ["1:35: cases[0].expect.tasks: must be a mapping of names to values"]),
        ("cases: [{name: a, expect: {order: b}}]", ["1:35: cases[0].expect.order: must be a list"]),
        ("cases: [{name: [a]}]", ["1:16: cases[0].name: must be text"]),
        ("cases: [{name: a\n", ["2:1: the mapping that begins with '{' is not closed here (it begins in line 1)\n"
                               "hint: a ',' or a '}' is missing"]),
    ],
)  # fmt: skip
def test_every_mistake_is_a_problem_at_its_place(text: str, said: list[str]) -> None:
    found = reader.read(text, "f.test.yaml")
    assert [str(problem).removeprefix("f.test.yaml:") for problem in found.problems] == said


def test_a_case_with_a_mistake_does_not_hide_the_others() -> None:
    found = reader.read("cases:\n- {name: a, date: soon}\n- {name: b}\n", "f.test.yaml")
    assert [case.name for case in found.cases] == ["b"]
