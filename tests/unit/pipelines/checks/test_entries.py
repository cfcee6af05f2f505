"""Tasks and groups among one another: what is wrong between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check

GROUP = "- {group: g, expand: {x: [1]}, tasks: [{id: a, uses: 'm:f', with: {a: {$item: x}}}]}"
WRONG = [
    (
        "- {group: g, needs: [h], tasks: [{id: a}]}\n- {group: h, needs: [g], tasks: [{id: b}]}",
        "4:21: tasks.h.needs: the tasks wait for each other in a circle: h → g → h",
    ),
    (
        "- {group: g, tasks: [{id: a, needs: [g]}]}",
        "3:37: tasks.g.tasks.a.needs: the tasks wait for each other in a circle: g.a → g → g.a",
    ),
    (
        "- {group: gr, needs: [g], tasks: [{id: a}]}",
        "3:23: tasks.gr.needs[0]: there is no task 'g'\nhint: did you mean 'gr'?",
    ),
    ("- {group: g, needs: [g], tasks: [{id: a}]}", "3:22: tasks.g.needs[0]: 'g' waits for itself"),
    (
        "- {group: g, tasks: [{id: a}]}\n- {id: b, uses: 'm:f', with: {a: {$x: g}}}",
        "4:34: tasks.b.with.a: 'g' is a group; only a task has an output\nhint: name a task of it, such as 'g.a'",
    ),
    (
        "- {group: g.h, tasks: [{id: a}]}",
        "3:11: tasks.g.h.group: the name of a group cannot contain '.'\nhint: letters, digits, '_' and '-' can be used",
    ),
    (
        "- {id: a, uses: 'm:f', with: {a: {$item: x}}}",
        "3:34: tasks.a.with.a: $item stands only in a group that is repeated by 'expand'",
    ),
    (
        GROUP.replace("$item: x", "$item: xs"),
        "3:71: tasks.g.tasks.a.with.a: the group around is not repeated by 'xs'\nhint: did you mean 'x'?",
    ),
    (
        GROUP.replace("with: {a: {$item: x}}", "expand: {a: [1]}"),
        "3:69: tasks.g.tasks.a.expand: stands in a group that is repeated itself, which Airflow cannot do\n"
        "hint: repeat the group or the task",
    ),
    (
        f"- group: out\n  expand: {{y: [1]}}\n  tasks:\n  {GROUP}",
        "6:24: tasks.out.tasks.g.expand: stands in a group that is repeated itself, which Airflow cannot do\n"
        "hint: repeat one of the two",
    ),
    (
        "- {id: a, uses: 'm:f', with: {a: 1}, expand: {a: [1]}}",
        "3:50: tasks.a.expand.a: 'a' stands under 'with', too\nhint: leave one of the two out",
    ),
    (
        "- {id: a, uses: 'm:f', expand: {b: [1]}, with: {a: 1}}",
        "3:36: tasks.a.expand.b: m:f takes no argument 'b'",
    ),
    (
        "- {id: a, uses: bash, expand: {bash_command: [ls], queue: [q]}}",
        "3:59: tasks.a.expand.queue: only arguments of the operator or function are repeated",
    ),
    (
        "- {id: a, expand: {b: [1]}}",
        "3:19: tasks.a.expand: a task without 'uses' does no work and is not repeated\nhint: add 'uses'",
    ),
    (
        "- {id: a, teardown: true, trigger_rule: all_done}",
        "3:41: tasks.a.trigger_rule: is decided by 'teardown'\nhint: leave it out",
    ),
    (
        "- {id: a, setup: true}\n- {id: b, needs: [a], trigger_rule: all_done}",
        "4:37: tasks.b.trigger_rule: must be all_success, because the task waits for the setup 'a'\n"
        "hint: put a task between the two",
    ),
    (
        "- {id: a, teardown: {setups: [b]}}",
        "3:31: tasks.a.teardown.setups[0]: there is no task 'b'",
    ),
    (
        "- {id: a, uses: 'm:f', expand: {a: {$x: b}}}",
        "3:36: tasks.a.expand.a: there is no task 'b'",
    ),
    (
        "- {id: a, uses: 'm:f', expand_kwargs: [{a: 1}, {}]}",
        "3:48: tasks.a.expand_kwargs[1]: m:f needs 'a'\nhint: write it in this set of arguments",
    ),
    (
        "- {id: a, uses: 'm:f', expand_kwargs: [{}, {}]}",
        "3:39: tasks.a.expand_kwargs: m:f needs 'a'\nhint: write it under 'with' of 'a'",
    ),
    (
        "- {id: a, uses: 'm:f', expand_kwargs: [{a: 1, c: 2}]}",
        "3:50: tasks.a.expand_kwargs[0].c: m:f takes no argument 'c'",
    ),
    (
        "- {id: a, uses: bash, expand_kwargs: [{bash_command: ls}, {bash_comand: ls}]}",
        "3:73: tasks.a.expand_kwargs[1].bash_comand: bash takes no argument 'bash_comand'\n"
        "hint: did you mean 'bash_command'?",
    ),
    (
        "- {id: a, uses: bash, expand_kwargs: [{bash_command: ls, retries: 2}]}",
        "3:67: tasks.a.expand_kwargs[0].retries: only arguments of the operator or function are repeated",
    ),
    (
        "- {id: a, uses: 'm:f', with: {a: 1}, expand_kwargs: [{a: 2}]}",
        "3:58: tasks.a.expand_kwargs[0].a: 'a' stands under 'with', too\nhint: leave one of the two out",
    ),
    (
        "- {group: g, expand_kwargs: [{x: 1}, {y: 1}], tasks: [{id: a, uses: 'm:f', with: {a: {$item: x}}},"
        " {id: b, uses: 'm:f', with: {a: {$item: x}}}]}",
        "3:38: tasks.g.expand_kwargs[1]: has no 'x', which the group's tasks take by $item",
    ),
    (
        "- {group: g, expand_kwargs: [{x: 1}, {y: 1}], tasks: [{id: a, uses: 'm:f', with: {a: {$item: z}}}]}",
        "3:86: tasks.g.tasks.a.with.a: the group around is not repeated by 'z'\nhint: it is repeated by x, y",
    ),
]


def said(tasks: str, folder: Path) -> list[str]:
    (folder / "m.py").write_text("def f(a): ...\ndef of_queue(queue): ...\n")
    file = folder / "p.yaml"
    file.write_text(f"dag_id: d\ntasks:\n{tasks}\n")
    return [str(problem).replace(f"{folder}/", "") for problem in read_and_check(file, environ={}).problems]


@pytest.mark.parametrize(("tasks", "sentence"), WRONG, ids=[tasks for tasks, _ in WRONG])
def test_what_is_wrong_between_entries_is_said_once(tasks: str, sentence: str, tmp_path: Path) -> None:
    assert said(tasks, tmp_path) == [f"p.yaml:{sentence}"]


GOOD = [
    GROUP,
    "- {group: g, expand_kwargs: [{x: 1}], tasks: [{id: a, uses: 'm:f', with: {a: {$item: x}}}]}",
    "- {id: a, uses: 'm:f', expand_kwargs: [{a: 1}]}",
    "- {id: a, uses: 'm:f', expand: {a: [1]}}",
    "- {id: a, uses: 'm:of_queue', expand: {queue: [q]}}",
    "- {id: b, uses: 'm:f', with: {a: 1}}\n- {id: a, uses: 'm:f', expand_kwargs: {$x: b}}",
    "- {id: b, uses: 'm:f', with: {a: 1}}\n"
    "- {group: g, expand_kwargs: {$x: b}, tasks: [{id: a, uses: 'm:f', with: {a: {$item: x}}}]}",
    "- {id: a, uses: bash, expand: {bash_command: [ls, {$t: '{{ ds }}'}]}}",
    "- {id: a, setup: true}\n- {id: b, needs: [a]}\n- {id: c, needs: [b], teardown: {setups: [a]}}",
]


@pytest.mark.parametrize("tasks", GOOD)
def test_nothing_is_said_of_what_is_right(tasks: str, tmp_path: Path) -> None:
    assert said(tasks, tmp_path) == []
