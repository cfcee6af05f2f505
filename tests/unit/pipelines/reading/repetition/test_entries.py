"""Entries with ``for``: what is made of them, and what is wrong with them."""

from __future__ import annotations

import textwrap

import pytest

from airfleet.pipelines.reading import reader


def read(tasks: str, before: str = "", **environ: str) -> reader.PipelineFile:
    text = f"dag_id: d\n{textwrap.dedent(before)}tasks:\n{textwrap.dedent(tasks)}"
    return reader.read(text, "p.yaml", environ=environ)


def ids(tasks: str, before: str = "", **environ: str) -> list[str]:
    reading = read(tasks, before, **environ)
    assert [str(problem) for problem in reading.problems] == []
    return [task.id for pipeline in reading.pipelines for task in pipeline.tasks]


ITEMS = [
    ("[a, b]", "t_${{ each }}", ["t_a", "t_b"]),
    ("[{n: a}, {n: b}]", "t_${{ each.n }}", ["t_a", "t_b"]),
    ("[007, 0x10]", "t_${{ each }}", ["t_007", "t_0x10"]),
    ('"${{ range(2) }}"', "t_${{ each }}", ["t_0", "t_1"]),
    ("\"${{ split(env.TABLES, ',') }}\"", "t_${{ slug(each) }}", ["t_orders", "t_old_users"]),
    ("{a: [1, 2], b: [x, y]}", "t_${{ each.a }}${{ each.b }}", ["t_1x", "t_1y", "t_2x", "t_2y"]),
    ("{a: \"${{ range(2) }}\", b: [x]}", "t_${{ each.a }}${{ each.b }}", ["t_0x", "t_1x"]),
]  # fmt: skip


@pytest.mark.parametrize(("each", "name", "made"), ITEMS)
def test_an_entry_is_repeated_for_each_item(each: str, name: str, made: list[str]) -> None:
    assert ids(f"- {{for: {{each: {each}}}, id: '{name}'}}\n", TABLES="orders, Old users") == made


def test_the_items_of_a_job_are_its_own() -> None:
    tasks = "- {for: {each: '${{ job.t }}', as: t}, id: 'c_${{ t }}'}\n- {id: end, needs: ['c_*']}\n"
    reading = reader.read(
        f"dag_id: 'd_${{{{ job.name }}}}'\njobs: [{{name: a, t: [x]}}, {{name: b, t: [y, z]}}, {{name: c, t: []}}]\n"
        f"tasks:\n{tasks}",
        "p.yaml",
    )
    assert reading.problems == ()
    assert [[task.id for task in pipeline.tasks] for pipeline in reading.pipelines] == [
        ["c_x", "end"],
        ["c_y", "c_z", "end"],
        ["end"],
    ]
    assert [str(remark) for remark in reading.remarks] == [
        "p.yaml:4:16: tasks[0].for.each: the list is empty, so this entry makes no task"
    ]


def test_groups_are_repeated_and_entries_in_them() -> None:
    tasks = """\
        - for: {each: [eu, us], as: region}
          group: ${{ region }}
          tasks:
            - {id: one, uses: "m:f", with: {r: "${{ each }}"}}
            - for: {each: ["${{ each }}", x]}
              id: two_${{ each }}_${{ region }}
              needs: [one]
    """
    assert ids(tasks) == ["eu.one", "eu.two_eu_eu", "eu.two_x_eu", "us.one", "us.two_us_us", "us.two_x_us"]


def test_a_repeated_entry_can_extend_a_template_and_null_is_no_loop() -> None:
    before = "templates: {t: {uses: bash, with: {bash_command: ls}}}\n"
    tasks = "- {for: {each: [a]}, id: 't_${{ each }}', extends: t}\n- {for: null, id: u}\n"
    assert ids(tasks, before) == ["t_a", "u"]


def test_a_template_may_name_the_item_of_the_entries_that_extend_it() -> None:
    before = """\
        templates:
          base: {queue: "q_${{ job.name }}"}
          load: {extends: base, uses: "m:f", with: {t: "${{ table }}", x: 1}}
        jobs: [{name: j}]
    """
    tasks = """\
        - {for: {each: [a, b], as: table}, id: "t_${{ table }}", extends: load, with: {x: "${{ each }}"}}
        - {id: end, extends: base}
    """
    reading = read(tasks, before)
    assert [str(problem) for problem in reading.problems] == []
    assert [(task.id, task.args, task.options) for task in reading.pipelines[0].tasks] == [
        ("t_a", {"t": "a", "x": "a"}, {"queue": "q_j"}),
        ("t_b", {"t": "b", "x": "b"}, {"queue": "q_j"}),
        ("end", {}, {"queue": "q_j"}),
    ]


def test_a_named_group_may_name_the_item_of_the_entries_that_extend_it() -> None:
    before = """\
        groups:
          copy:
            tasks:
              - {id: "get_${{ region }}", uses: "m:f"}
              - {for: {each: [1, 2]}, id: "put_${{ each }}_${{ region }}"}
    """
    tasks = "- {for: {each: [eu, us], as: region}, group: '${{ region }}', extends: copy}\n"
    assert ids(tasks, before) == ["eu.get_eu", "eu.put_1_eu", "eu.put_2_eu", "us.get_us", "us.put_1_us", "us.put_2_us"]


def test_an_entry_without_a_loop_has_no_item_for_its_template() -> None:
    before = "templates: {load: {uses: 'm:f', with: {t: 'x ${{ table }}'}}, odd: 5}\n"
    reading = read("- {id: a, extends: load}\n- {id: b, extends: laod}\n", before)
    assert [str(problem) for problem in reading.problems] == [
        "p.yaml:2:50: tasks.a.with.t: 'table' is not known in '${{ }}'; there are job, env and vars",
        "p.yaml:2:68: templates.odd: a template must be a mapping, as a task is",
        "p.yaml:5:20: tasks.b.extends: there is no template 'laod'\nhint: did you mean 'load'?",
    ]


#: ▸ marks the place
PROBLEMS = [
    ("- {for: ▸[a, b], id: t}", "tasks.t.for: must be a mapping with 'each', not a list",
     "write for: {each: [a, b]}, and ${{ each }} where the item is meant"),
    ("- {for: ▸{as: x}, id: t}", "tasks.t.for: 'for' needs 'each', the list of items",
     "write for: {each: [a, b]}, and ${{ each }} where the item is meant"),
    ("- {for: {▸eahc: [a]}, id: t}", "tasks.t.for.eahc: 'for' has no 'eahc', only 'each' and 'as'",
     "did you mean 'each'?"),
    ("- {for: {▸region: [a]}, id: t}", "tasks.t.for.region: 'for' has no 'region', only 'each' and 'as'",
     "write for: {each: …, as: region}"),
    ("- {for: {each: ▸eu}, id: t}", "tasks.t.for.each: must be a list, not a text",
     "split(…, ',') and lines(…) make lists of a text"),
    ("- {for: {each: ▸5}, id: t}", "tasks.t.for.each: must be a list, not a number", None),
    ("- {for: {each: [a], as: ▸a b}, id: t}",
     "tasks.t.for.as: must be a name of letters, digits and '_' that begins with a letter",
     "write as: region, for example"),
    ("- {for: {each: [a], as: ▸job}, id: t}", "tasks.t.for.as: 'job' means something else in '${{ }}'",
     "take another name"),
    ("- {for: {each: {a: ▸x}}, id: t}", "tasks.t.for.each.a: must be a list of values, not a text", "write [x]"),
    ("- {for: {each: {a: [1], exclude: [{▸b: 1}]}}, id: t}",
     "tasks.t.for.each.exclude[0].b: the matrix has no 'b'", None),
    ("- {for: {each: {a: [1], include: ▸x}}, id: t}",
     "tasks.t.for.each.include: must be a list of mappings from the names of the matrix to values", None),
    ("- {for: {each: '${{ env.▸NOPE }}'}, id: t}\n- {id: u, needs: [t]}",
     "tasks.t.for.each: the environment has no 'NOPE'", "give a default: ${{ env.NOPE or 'text' }}"),
    ("- {for: {each: [a, b, c]}, id: ▸t}", "tasks.t.id: two tasks have the id 't'",
     "write ${{ each }} into it, so that each repetition has an id of its own"),
    ("- {for: {each: [a, b]}, group: ▸t, tasks: [{id: 'x_${{ each }}'}]}",
     "tasks.t.group: two groups have the id 't'",
     "write ${{ each }} into it, so that each repetition has an id of its own"),
    ("- {for: {each: [a, b]}, id: 't_${{ each }}', ▸retires: 1}", "tasks.t_a.retires: a task has no key 'retires'",
     "did you mean 'retries'?"),
    ("- {for: {each: [a, b]}, id: 't_${{ each }}', uses: 'm:f', with: {x: '${{ each.▸n }}'}}",
     "tasks.t_a.with.x: 'each' is a plain value and has no 'n'", None),
    ("- {id: t, uses: 'm:f', with: {x: '${{ ▸each }}'}}",
     "tasks.t.with.x: 'each' is not known in '${{ }}'; there are job, env and vars", None),
    ("- {id: t, ▸loop: [a]}", "tasks.t.loop: is written 'for'",
     "write for: {each: [items]}, and ${{ each }} in the id; 'expand' repeats a task when it runs"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "sentence", "hint"), PROBLEMS)
def test_what_is_wrong_with_a_loop(marked: str, sentence: str, hint: str | None) -> None:
    reading = read(marked.replace("▸", "") + "\n")
    line = marked[: marked.index("▸")].rpartition("\n")[2]
    place = f"p.yaml:3:{len(line) + 1}"
    said = f"{place}: {sentence}" + (f"\nhint: {hint}" if hint else "")
    assert [str(problem) for problem in reading.problems] == [said]


def test_a_template_is_not_repeated() -> None:
    reading = read("- {id: a, extends: t}\n", "templates: {t: {for: {each: [1]}}}\n")
    assert [problem.sentence for problem in reading.problems] == ["repeats an entry of 'tasks', and no template"]


def test_loops_do_not_make_values_without_end() -> None:
    loop = "for: {each: '${{ range(1000) }}'}"
    many = ", ".join(["0"] * 1000)
    inner = f"{{{loop}, id: 'c_${{{{ each }}}}', uses: bash, with: {{bash_command: ls, many: [{many}]}}}}"
    reading = read(f"- {{{loop}, group: 'g_${{{{ each }}}}', tasks: [{inner}]}}\n")
    assert [problem.sentence for problem in reading.problems][:1] == [
        "the entries that are repeated come to more than 1,000,000 values"
    ]
