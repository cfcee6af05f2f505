"""Groups begin from named ones, in one document or from shared files."""

from __future__ import annotations

import pytest

from airfleet.pipelines.reading import reader

NAMED = "groups:\n  load: {defaults: {retries: 1}, tasks: [{id: a}, {id: b, needs: [a]}]}\n"


def read(tasks: str, groups: str = NAMED) -> reader.PipelineFile:
    return reader.read(f"dag_id: d\n{groups}tasks:\n{tasks}", "p.yaml")


def said(tasks: str, groups: str = NAMED) -> list[str]:
    return [str(problem) for problem in read(tasks, groups).problems]


def test_a_group_has_the_keys_of_those_that_it_extends() -> None:
    [pipeline] = read("  - {group: x, extends: load}\n  - {group: y, extends: [load], defaults: {pool: p}}\n").pipelines
    assert [(task.id, task.options, task.needs) for task in pipeline.tasks] == [
        ("x.a", {"retries": 1}, ()),
        ("x.b", {"retries": 1}, ("x.a",)),
        ("y.a", {"retries": 1, "pool": "p"}, ()),
        ("y.b", {"retries": 1, "pool": "p"}, ("y.a",)),
    ]


def test_a_later_group_and_own_keys_win() -> None:
    groups = (
        "groups: {a: {tooltip: a, prefix: false, tasks: [{id: one}]}, b: {extends: a, tooltip: b}, c: {tooltip: c}}\n"
    )
    [pipeline] = read("  - {group: x, extends: [b, c], tasks: [{id: own}]}\n", groups).pipelines
    [group] = pipeline.groups
    assert (group.options, group.prefix, [task.id for task in pipeline.tasks]) == ({"tooltip": "c"}, False, ["own"])


def test_groups_in_groups_are_extended_too() -> None:
    groups = "groups: {in: {tasks: [{id: t}]}, out: {tasks: [{group: g, extends: in}, {group: h, extends: in}]}}\n"
    [pipeline] = read("  - {group: x, extends: out}\n", groups).pipelines
    assert [task.id for task in pipeline.tasks] == ["x.g.t", "x.h.t"]


def test_values_of_a_job_are_resolved_in_named_groups() -> None:
    groups = "jobs: [{name: j, n: 2}]\ngroups: {g: {defaults: {retries: '${{ job.n }}'}, tasks: [{id: t}]}}\n"
    [pipeline] = read("  - {group: x, extends: g}\n", groups).pipelines
    assert pipeline.tasks[0].options == {"retries": 2}


WRONG = [
    ("  - {group: x, extends: laod}\n", NAMED,
     ["p.yaml:5:25: tasks.x.extends: there is no group 'laod' under 'groups'\nhint: did you mean 'load'?"]),
    ("  - {group: x, extends: {}}\n", NAMED,
     ["p.yaml:5:25: tasks.x.extends: must be the name of a group, or a list of names",
      "p.yaml:5:5: tasks.x: the group has no 'tasks'"]),
    ("  - {group: x, extends: load}\n", "",
     ["p.yaml:3:25: tasks.x.extends: there is no group 'load' under 'groups'"]),
    ("  - {id: x}\n", "groups: [a]\n",
     ["p.yaml:2:9: groups: must be a mapping of groups, by name\n"
      "hint: a group of the pipeline is an entry '- group: name' of 'tasks'"]),
    ("  - {id: x}\n", "groups: {a: 1}\n", ["p.yaml:2:13: groups.a: a group must be a mapping"]),
    ("  - {group: x, extends: a}\n", "groups: {a: {extends: b}, b: {extends: a, tasks: [{id: t}]}}\n",
     ["p.yaml:2:40: groups.b.extends: the groups extend each other in a circle: a → b → a"]),
    ("  - {group: x, extends: a}\n", "groups: {a: {tasks: [{id: t}, {group: y, extends: a}]}}\n",
     ["p.yaml:2:31: tasks.x.tasks.y.extends: the groups stand in each other in a circle: a → a",
      "p.yaml:2:31: tasks.x.tasks.y: the group has no 'tasks'"]),
    ("  - {group: x, extends: a}\n", "groups: {a: {retires: 1, tasks: [{id: t, retris: 1}]}}\n",
     ["p.yaml:2:14: tasks.x.retires: a group has no key 'retires'",
      "p.yaml:2:42: tasks.x.tasks.t.retris: a task has no key 'retris'\nhint: did you mean 'retries'?"]),
]  # fmt: skip


@pytest.mark.parametrize(("tasks", "groups", "expected"), WRONG)
def test_what_is_wrong_is_said_at_its_place(tasks: str, groups: str, expected: list[str]) -> None:
    found = read(tasks, groups)
    assert sorted(map(str, found.problems)) == sorted(expected)
    assert found.pipelines == ()


def test_groups_that_double_at_each_level_are_bounded() -> None:
    levels = ", ".join(
        f"g{i}: {{tasks: [{{group: a, extends: g{i + 1}}}, {{group: b, extends: g{i + 1}}}]}}" for i in range(40)
    )
    many = ", ".join(["0"] * 1000)
    found = read(
        "  - {group: x, extends: g0}\n",
        f"groups: {{{levels}, g40: {{tasks: [{{id: t, with: {{many: [{many}]}}}}]}}}}\n",
    )
    assert {problem.sentence for problem in found.problems} >= {
        "groups that extend others make more than 1,000,000 values of this file"
    }


def test_named_groups_of_a_shared_file_are_checked_on_their_own() -> None:
    text = "groups:\n  g: {tooltip: 1, extends: other, retires: 1, tasks: [{id: t, extends: nope, retris: 1}]}\n"
    assert [str(problem) for problem in reader.read(text, "_g.yaml").problems] == [
        "_g.yaml:2:35: groups.g.retires: a group has no key 'retires'",
        "_g.yaml:2:78: groups.g.tasks.t.retris: a task has no key 'retris'\nhint: did you mean 'retries'?",
    ]
