"""Tasks and groups of a document as flat lists, and what is wrong with them."""

from __future__ import annotations

import time

import pytest

from airfleet.pipelines.language.spec import Expansion, Part, Pipeline, Repeat, XCom
from airfleet.pipelines.reading.reader import read

NESTED = """
dag_id: d
defaults: {retries: 1, queue: a}
tasks:
  - {id: begin}
  - group: load
    needs: [begin]
    defaults: {retries: 3}
    tooltip: Both shops
    tasks:
      - {id: fetch, uses: "m:f"}
      - {id: store, uses: "m:f", needs: [fetch, begin], with: {rows: {$x: fetch}}}
      - group: checks
        prefix: false
        needs: ["*"]
        tasks: [{id: rows, needs: [store]}, {id: sums, retries: 5, needs: [load.fetch, rows]}]
  - {id: end, needs: [load, rows]}
"""


def only(text: str) -> Pipeline:
    found = read(text, "p.yaml")
    assert [str(problem) for problem in found.problems] == []
    return found.pipelines[0]


def said(tasks: str) -> list[str]:
    found = read(f"dag_id: d\ntasks:\n{tasks}", "p.yaml")
    assert found.pipelines == ()
    return [str(problem) for problem in found.problems]


def test_the_ids_of_tasks_begin_with_those_of_their_groups() -> None:
    pipeline = only(NESTED)
    assert [task.id for task in pipeline.tasks] == ["begin", "load.fetch", "load.store", "rows", "sums", "end"]
    assert [task.group for task in pipeline.tasks] == ["", "load", "load", "load.checks", "load.checks", ""]
    assert [(group.id, group.name, group.parent, group.prefix) for group in pipeline.groups] == [
        ("load", "load", "", True),
        ("load.checks", "checks", "load", False),
    ]
    assert pipeline.groups[0].options == {"tooltip": "Both shops"}


def test_a_variable_of_the_environment_can_take_the_prefix_away() -> None:
    text = "dag_id: d\ntasks: [{group: g, prefix: '${{ env.PREFIX }}', tasks: [{id: t}]}]\n"
    ids = [read(text, "p.yaml", environ={"PREFIX": said}).pipelines[0].tasks[0].id for said in ("false", "true")]
    assert ids == ["t", "g.t"]


def test_names_are_looked_for_from_the_inside_out() -> None:
    pipeline = only(NESTED)
    assert pipeline.task("load.store").needs == ("load.fetch", "begin")
    assert pipeline.task("load.store").args == {"rows": XCom("load.fetch")}
    assert pipeline.task("sums").needs == ("load.fetch", "rows")
    assert pipeline.groups[1].needs == ("load.fetch", "load.store")
    assert pipeline.task("end").needs == ("load", "rows")


def test_defaults_of_a_group_win_over_those_around_it() -> None:
    options = {task.id: task.options for task in only(NESTED).tasks}
    assert options["begin"] == {"retries": 1, "queue": "a"}
    assert options["load.fetch"] == {"retries": 3, "queue": "a"}
    assert options["sums"] == {"retries": 5, "queue": "a"}


def test_every_value_in_a_group_has_its_place() -> None:
    pipeline = only(NESTED)
    assert (pipeline.place("tasks.load.tasks.store.needs[1]").line, pipeline.task("load.store").path) == (
        12,
        "tasks.load.tasks.store",
    )


def test_a_pattern_means_every_other_entry_beside_it() -> None:
    pipeline = only("dag_id: d\ntasks: [{id: a_1}, {id: a_2, needs: 'a_*'}, {group: a_3, tasks: [{id: x}]}]")
    assert pipeline.task("a_2").needs == ("a_1", "a_3")


def test_a_task_is_repeated_for_items() -> None:
    expand = "expand: {file: {$x: t}, day: [1, 2]}"
    pipeline = only(f"dag_id: d\ntasks: [{{id: t}}, {{id: u, uses: 'm:f', {expand}}}]")
    assert pipeline.task("u").expand == Expansion(Repeat.PRODUCT, {"file": XCom("t"), "day": (1, 2)})
    assert pipeline.task("u").upstream == ("t",)
    zipped = only("dag_id: d\ntasks: [{id: u, uses: 'm:f', expand: {zip: {a: [1], b: [2]}}}]")
    assert zipped.task("u").expand == Expansion(Repeat.ZIP, {"a": (1,), "b": (2,)})
    sets = only("dag_id: d\ntasks: [{id: u, uses: 'm:f', expand_kwargs: [{a: 1}]}]")
    assert sets.task("u").expand == Expansion(Repeat.KWARGS, {"": ({"a": 1},)})


def test_a_task_has_its_part_in_setup_and_teardown() -> None:
    teardown = "teardown: {setups: [a], on_failure_fail_dagrun: true}"
    pipeline = only(f"dag_id: d\ntasks: [{{id: a, setup: true}}, {{id: b, teardown: true}}, {{id: c, {teardown}}}]")
    assert [task.part for task in pipeline.tasks] == [Part.SETUP, Part.TEARDOWN, Part.TEARDOWN]
    assert (pipeline.task("c").setups, pipeline.task("c").fails_run, pipeline.task("b").fails_run) == (
        ("a",),
        True,
        False,
    )


WRONG = [
    ("- {group: g}", "3:3: tasks.g: the group has no 'tasks'"),
    ("- {group: g, tasks: []}", "3:21: tasks.g.tasks: a group needs at least one task"),
    (
        "- {group: g, tasks: {a: 1}}",
        "3:21: tasks.g.tasks: must be a list of tasks\nhint: begin each task with '- id: '",
    ),
    ("- {group: '', tasks: [{id: a}]}", "3:11: tasks[0].group: must not be empty"),
    (
        "- {group: g, tasks: [{id: a}, {id: a}]}",
        "3:36: tasks.g.tasks.a.id: two tasks have the id 'g.a'\nhint: line 3 already has it",
    ),
    (
        "- {group: g, tasks: [{id: a}]}\n- {group: g, tasks: [{id: b}]}",
        "4:11: tasks.g.group: two groups have the id 'g'\nhint: line 3 already has it",
    ),
    (
        "- {id: g}\n- {group: g, tasks: [{id: b}]}",
        "4:11: tasks.g.group: a group and a task have the id 'g'\nhint: line 3 already has it",
    ),
    (
        "- {group: g, retries: 3, tasks: [{id: a}]}",
        "3:14: tasks.g.retries: is an argument of tasks, not of a group\nhint: write it under 'defaults' of the group",
    ),
    (
        "- {group: g, uses: bash, tasks: [{id: a}]}",
        "3:14: tasks.g.uses: belongs to a task; a group does no work of its own",
    ),
    (
        "- {group: g, tooltp: x, tasks: [{id: a}]}",
        "3:14: tasks.g.tooltp: a group has no key 'tooltp'\nhint: did you mean 'tooltip'?",
    ),
    (
        "- {group: g, prefix_group_id: false, tasks: [{id: a}]}",
        "3:14: tasks.g.prefix_group_id: is written 'prefix'\nhint: write prefix: false",
    ),
    ("- {group: g, prefix: 3, tasks: [{id: a}]}", "3:22: tasks.g.prefix: must be true or false, not 3"),
    ("- {group: g, defaults: [a], tasks: [{id: a}]}", "3:24: tasks.g.defaults: must be a mapping"),
    (
        "- {group: g, defaults: {retrys: 1}, tasks: [{id: a}]}",
        "3:25: tasks.g.defaults.retrys: a task has no 'retrys'\nhint: did you mean 'retries'?",
    ),
    (
        "- {id: a, needs: 'b*'}",
        "3:18: tasks.a.needs: nothing beside this entry has a name that fits 'b*'",
    ),
    (
        "- {id: a, uses: 'm:f', expand: [1]}",
        "3:32: tasks.a.expand: must be a mapping from arguments to lists of items\nhint: write expand: {file: […]}",
    ),
    (
        "- {id: a, uses: 'm:f', expand: {$x: b}}",
        "3:32: tasks.a.expand: does not say which argument gets the items\n"
        "hint: write expand: {argument: {$x: …}}; for whole sets of arguments there is 'expand_kwargs'",
    ),
    (
        "- {id: a, uses: 'm:f', expand: {x: 5}}",
        "3:36: tasks.a.expand.x: must be a list of items, or the output of a task\n"
        "hint: write {$x: task} for what a task returned",
    ),
    ("- {id: a, uses: 'm:f', expand: {x: []}}", "3:36: tasks.a.expand.x: is empty, so nothing would run"),
    (
        "- {id: a, uses: 'm:f', expand: {x: [{$x: b}]}}",
        "3:36: tasks.a.expand.x[0]: cannot be an output inside a list of items\n"
        "hint: let one task return the whole list, and write {$x: that_task} in place of it",
    ),
    *(
        (
            f"- {{id: a, uses: 'm:f', expand: {{zip: {mixed}}}}}",
            "3:38: tasks.a.expand.zip: goes through lists alone, or through outputs alone",
        )
        for mixed in ("{x: [1], y: {$x: b}}", "{x: [1], y: {k: 1}}", "{x: {k: 1}}")
    ),
    (
        "- {id: a, uses: 'm:f', expand: {zip: {x: [1], y: [1, 2]}}}",
        "3:38: tasks.a.expand.zip: goes through lists of one length",
    ),
    (
        "- {group: g, expand: {zip: {x: [1], y: [1, 2]}}, tasks: [{id: a}]}",
        "3:28: tasks.g.expand.zip: goes through lists of one length",
    ),
    (
        "- {id: a, uses: 'm:f', expand: {x: [1]}, expand_kwargs: [{x: 1}]}",
        "3:57: tasks.a.expand_kwargs: stands beside 'expand'; a task is repeated by one of the two",
    ),
    (
        "- {id: a, uses: 'm:f', expand_kwargs: [1]}",
        "3:40: tasks.a.expand_kwargs[0]: must be a mapping of arguments",
    ),
    ("- {id: a, uses: 'm:f', expand: {zip: {}}}", "3:38: tasks.a.expand.zip: is empty, so nothing would run"),
    ("- {id: a, uses: 'm:f', expand_kwargs: []}", "3:39: tasks.a.expand_kwargs: is empty, so nothing would run"),
    (
        "- {id: a, uses: 'm:f', expand_kwargs: x}",
        "3:39: tasks.a.expand_kwargs: must be a list of mappings of arguments, or the output of a task\n"
        "hint: write {$x: task} for what a task returned",
    ),
    ("- {id: a, setup: 3}", "3:18: tasks.a.setup: must be true or false, not 3"),
    (
        "- {id: a, setup: true, teardown: true}",
        "3:34: tasks.a.teardown: stands beside 'setup'; a task is one of the two",
    ),
    (
        "- {id: a, teardown: {setup: [b]}}",
        "3:22: tasks.a.teardown.setup: a teardown has no 'setup'\nhint: did you mean 'setups'?",
    ),
    (
        "- {id: a, uses: 'm:f', with: {x: {$item: [y]}}}",
        "3:42: tasks.a.with.x: $item takes the name of an argument by which the group is repeated",
    ),
]


@pytest.mark.parametrize(("tasks", "sentence"), WRONG, ids=[tasks for tasks, _ in WRONG])
def test_what_is_wrong_is_said_at_its_place(tasks: str, sentence: str) -> None:
    assert said(tasks) == [f"p.yaml:{sentence}"]


def test_patterns_of_many_tasks_are_bounded() -> None:
    tasks = "".join(f"- {{id: t{number}, needs: ['t*']}}\n" for number in range(3000))
    began = time.process_time()
    found = read(f"dag_id: d\ntasks:\n{tasks}", "p.yaml")
    assert "make more than 1,000,000 values of this file" in str(found.problems[0])
    assert time.process_time() - began < 20
