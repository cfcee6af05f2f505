"""The tasks that each task waits for, with groups resolved."""

from __future__ import annotations

from airfleet.pipelines.language.graph import upstream
from airfleet.pipelines.reading.reader import read


def arrows(tasks: str) -> dict[str, set[str]]:
    [pipeline] = read(f"dag_id: d\ntasks:\n{tasks}", "p.yaml").pipelines
    return {task: set(ups) for task, ups in upstream(pipeline).items()}


def test_the_first_tasks_of_a_group_wait_and_its_last_ones_are_waited_for() -> None:
    tasks = "- {id: a}\n- {group: g, needs: [a], tasks: [{id: x}, {id: y, needs: x}, {id: z}]}\n- {id: b, needs: [g]}"
    assert arrows(tasks) == {"a": set(), "g.x": {"a"}, "g.y": {"g.x"}, "g.z": {"a"}, "b": {"g.y", "g.z"}}


def test_nobody_waits_for_the_teardown_of_a_group() -> None:
    tasks = "- {group: g, tasks: [{id: x}, {id: tidy, teardown: true, needs: x}]}\n- {id: b, needs: [g]}"
    assert arrows(tasks)["b"] == {"g.x"}


def test_a_group_in_a_group_is_its_first_and_last_task() -> None:
    tasks = (
        "- {group: g, tasks: [{id: x}, {group: h, needs: [x], tasks: [{id: y}]}]}\n- {group: i, needs: g, "
        "tasks: [{group: j, tasks: [{id: z}]}]}"
    )
    assert arrows(tasks) == {"g.x": set(), "g.h.y": {"g.x"}, "i.j.z": {"g.h.y"}}
