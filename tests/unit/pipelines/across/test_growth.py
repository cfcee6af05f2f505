"""Four times the file is about four times the work, whatever its shape: no user's text makes a check hang.

Work is counted in calls of functions, Python's and C's, so that the machine's pace does not matter. What regular
expressions do inside one call is not seen that way; those shapes have a limit of time that only a hang reaches.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from airfleet.cli.commands.pipelines import show
from airfleet.cli.graph import dot, layers, svg, text
from airfleet.cli.graph.layers import Graph, Node
from airfleet.errors import did_you_mean
from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.yaml import secret_detection
from airfleet.yaml.durations import parse_duration, seconds


def calls(work: Callable[[], object]) -> int:
    """How many functions ``work`` calls."""
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def growth(work: Callable[[int], object], small: int) -> float:
    """How many times the work is when the size is four times as large."""
    work(1)  # what is looked up once is not counted
    first = calls(lambda: work(small))
    return calls(lambda: work(4 * small)) / first


def document(*tasks: str, before: str = "") -> str:
    return f"dag_id: d\n{before}tasks:\n" + "".join(f"- {{{task}}}\n" for task in tasks)


def each(written: str, count: int) -> list[str]:
    """``written`` for each number: ``N`` is the number, ``P`` the one before it, ``M`` its neighbour in a pair."""
    return [
        written.replace("N", str(n)).replace("P", str(max(n - 1, 0))).replace("M", str(n ^ 1)) for n in range(count)
    ]


def templates(written: str, count: int) -> str:
    return "templates:\n" + "".join(f"  {line}\n" for line in each(written, count))


def job_values(arguments: str, count: int) -> str:
    values = ", ".join(f"k{number}: 1" for number in range(count))
    return document(*each(f"id: tN, uses: 'm:f', with: {arguments}", count), before=f"jobs: [{{name: a, {values}}}]\n")


SHAPES: dict[str, tuple[int, Callable[[int], str]]] = {
    "a chain of tasks": (100, lambda n: document(*each("id: tN, needs: [tP, t0]", n)[1:], "id: t0")),
    "a chain of groups": (100, lambda n: document("id: x", *each("group: gN, needs: [gP], tasks: [{id: t}]", n)[1:])),
    "repeated tasks": (100, lambda n: document("id: x", *each("id: tN, uses: 'm:f', expand: {a: {$x: x}}", n))),
    "misspelt needs": (150, lambda n: document(*each("id: tN, needs: tN_", n))),
    "needs that are near nothing": (150, lambda n: document(*each("id: tN, needs: zzzzzzzzN", n))),
    "needs in other letters": (150, lambda n: document(*each("id: tN, needs: TN", n))),
    "misspelt outputs": (150, lambda n: document(*each("id: tN, uses: 'm:f', with: {a: {$x: tN_}}", n))),
    "objects of classes that are not there": (
        100,
        lambda n: document(*each("id: tN, uses: 'm:f', with: {a: [{$new: json.NopeN, with: {b: {$new: x.Y}}}]}", n)),
    ),
    "arguments that objects do not take": (
        100,
        lambda n: document(f"id: t, with: {{a: {{$new: json.dumps, with: {{{', '.join(each('obN: 1', n))}}}}}}}"),
    ),
    "callbacks with arguments": (
        100,
        lambda n: document(*each("id: tN, on_retry_callback: [{uses: 'json:dumps', with: {obN: {$t: 'x'}}}]", n)),
    ),
    "rules for errors": (
        100,
        lambda n: document(f"id: t, retry_policy: [{', '.join(each('{exception: json.ErrorN}', n))}]"),
    ),
    "misspelt keys": (100, lambda n: document(*each("id: tN, retrysN: 1", n))),
    "misspelt keys of the document": (
        100,
        lambda n: "".join(f"scheduleN{i}: 1\n" for i in range(n)) + document("id: t"),
    ),
    "misspelt operators": (100, lambda n: document(*each("id: tN, uses: bahsN", n))),
    "misspelt templates": (
        150,
        lambda n: document(*each("id: tN, extends: tempN_", n), before=templates("tempN: {retries: 1}", n)),
    ),
    "circles of two": (100, lambda n: document(*each("id: tN, needs: tM", n))),
    "a circle of all": (100, lambda n: document(*each("id: tN, needs: tP", n)[1:], f"id: t0, needs: t{n - 1}")),
    "one knot of all": (100, lambda n: document(*each("id: tN, needs: [tP, tM]", n))),
    "tasks with one id": (100, lambda n: document(*["id: t"] * n)),
    "empty ids": (100, lambda n: document(*["id: ''"] * n)),
    "templates that extend the next one twice": (
        40,
        lambda n: document("id: t, extends: t0", before=templates("tN: {extends: [tP, tP, tM]}", n)),
    ),
    "a long chain of templates": (
        100,
        lambda n: document(
            *each("id: aN, uses: 'm:f', extends: [t0, t1]", n),
            before="templates:\n" + "".join(f"  t{i}: {{extends: t{i + 1}, retries: {i}}}\n" for i in range(n)),
        ),
    ),
    "jobs with misspelt values": (
        100,
        lambda n: document("id: t", before="jobs:\n" + "".join(f"- {{name: j{i}, a: b}}\n" for i in range(n))).replace(
            "dag_id: d", "dag_id: 'd${{ job.nmae }}'"
        ),
    ),
    "a job with many values": (100, lambda n: job_values("{a: '${{ job.kN }}', b: '${{ job.lN_ or 1 }}'}", n)),
    "a job whose values are misspelt": (200, lambda n: job_values("{a: '${{ job.kN_ }}'}", n)),
    "expressions in one text": (
        300,
        lambda n: document("id: t, uses: 'm:f', with: {a: '" + "x ${{ env.NO or 1 }} $${{ " * n + "'}"),
    ),
    "expressions that are not closed": (300, lambda n: document("id: t, uses: 'm:f', with: {a: '" + "${{ " * n + "'}")),
    "a loop of many items": (
        100,
        lambda n: document(
            f"for: {{each: '${{{{ range({n}) }}}}'}}, id: 't_${{{{ each }}}}'", "id: end, needs: ['t_*']"
        ),
    ),
    "a loop whose entry is wrong": (
        100,
        lambda n: document(
            f"for: {{each: '${{{{ range({n}) }}}}'}}, id: 't_${{{{ each }}}}', retrys: 1, pool: '${{{{ each.x }}}}'"
        ),
    ),
    "many loops": (
        100,
        lambda n: document(
            *each("for: {each: [a, b]}, id: 'tN_${{ each }}', extends: x", n),
            before="templates: {x: {uses: 'm:f', with: {a: '${{ each }}'}}}\n",
        ),
    ),
    "a matrix": (
        100,
        lambda n: document(
            f"for: {{each: {{a: {list(range(n))}, b: [1, 2], exclude: [{{a: 1}}]}}}}, id: 't_${{{{ each.a }}}}'"
        ),
    ),
    "wrong expressions in one text": (
        100,
        lambda n: document("id: t, uses: 'm:f', with: {a: '" + "x ${{ nope }} ${{ env.HOEM }} ''" * n + "'}"),
    ),
    "wrong values of a job in one text": (100, lambda n: job_values("{a: '" + "${{ job.zz }} " * 20 + "N'}", n)),
    "long expressions": (
        200,
        lambda n: document("id: t, uses: 'm:f', with: {a: '${{ " + "env.NO or " * n + "1 }}'}"),
    ),
    "documents": (
        50,
        lambda n: "---\n".join(document("id: t").replace("dag_id: d", f"dag_id: d{i}") for i in range(n)),
    ),
    "documents with unknown tags": (
        50,
        lambda n: "---\n".join(
            document("id: t").replace("dag_id: d", f"dag_id: d{i}\ndescription: !x a") for i in range(n)
        ),
    ),
    "modules that are not there": (
        100,
        lambda n: document(*each("id: tN, uses: 'gone_N.a.b:f'", n), *each("id: oN, uses: gone_N.a.B", n)),
    ),
    "functions that are not there": (100, lambda n: document(*each("id: tN, uses: 'steps_of_growth:f_N'", n))),
    "files that are not there": (
        100,
        lambda n: document(*each("id: tN, uses: bash, with: {bash_command: {$f: gone_N.sh}}", n)),
    ),
    "needs of groups that are none": (
        100,
        lambda n: document(*each("id: g.aN", n), *each("id: tN, needs: g", n)),
    ),
    "shared files that are not there": (
        40,
        lambda n: document("id: t", before=f"include: [{', '.join(each('_N.yaml', n))}]\n"),
    ),
    "documents that only share": (
        50,
        lambda n: "---\n".join([f"templates: {{t{i}: {{retries: 1}}}}\n" for i in range(n)] + [document("id: t")]),
    ),
    "documents that include one file": (
        50,
        lambda n: "---\n".join(
            document("id: t", before="include: _no.yaml\n").replace("dag_id: d", f"dag_id: d{i}") for i in range(n)
        ),
    ),
    "a chain of named groups": (
        60,
        lambda n: document(
            *each("group: aN, extends: g0", n // 10),
            before="groups:\n  gN: {tasks: [{id: x}]}\n".replace("gN", f"g{n}")
            + "".join(f"  g{i}: {{extends: g{i + 1}, tooltip: x}}\n" for i in range(n)),
        ),
    ),
    "groups that are misspelt": (60, lambda n: document(*each("group: aN, extends: gN, tasks: [{id: t}]", n))),
    "documents with one id": (50, lambda n: "---\n".join([document("id: t")] * n)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_work_of_a_check_grows_as_the_file(shape: str, tmp_path: Path) -> None:
    size, written = SHAPES[shape]
    file = tmp_path / "pipelines" / "p.yaml"
    file.parent.mkdir()

    def check(count: int) -> None:
        file.write_text(written(count), encoding="utf-8")
        read_and_check(file, environ={})

    assert growth(check, size) < 6


def test_ten_thousand_known_names_do_not_make_a_hint_dear() -> None:
    def ask(count: int) -> None:
        known = frozenset(f"task_{number:05}" for number in range(count))
        for number in range(count):
            did_you_mean(f"taks_{number:05}", known)

    assert growth(ask, 300) < 6
    assert did_you_mean("taks_09999", frozenset(f"task_{n:05}" for n in range(10_000))) == "did you mean 'task_09999'?"


@pytest.mark.parametrize(
    "hostile",
    [
        " " * 200_000 + "x",
        "1" + " " * 200_000 + "x",
        "1" * 200_000,
        "1." * 100_000,
        "1h " * 100_000 + "x",
        "P" + "1" * 200_000 + "X",
    ],
)
def test_no_text_is_a_duration_for_long(hostile: str) -> None:
    begun = time.monotonic()
    assert parse_duration(hostile) is None
    assert time.monotonic() - begun < 20


# -- airfleet show


def drawn(count: int, arrows: Iterable[tuple[int, int]]) -> Graph:
    nodes = tuple(Node(f"t{number}") for number in range(count))
    return Graph(nodes, tuple((f"t{up}", f"t{down}") for up, down in arrows if down < count))


GRAPHS: dict[str, Callable[[int], Graph]] = {
    "chain": lambda n: drawn(n, ((i, i + 1) for i in range(n))),
    "fan": lambda n: drawn(n, ((0, i) for i in range(1, n))),
    "apart": lambda n: drawn(n, ()),
    "chain that ends in one": lambda n: drawn(
        n, [*((i, i + 1) for i in range(n)), *((i, n - 1) for i in range(n - 1))]
    ),
}


@pytest.mark.parametrize("shape", GRAPHS)
@pytest.mark.parametrize(
    "draw",
    [layers.without_implied, layers.levels, layers.size, lambda graph: svg.draw(graph, ""), lambda g: dot.draw(g, "")],
    ids=["implied", "levels", "size", "svg", "dot"],
)
def test_the_work_of_a_picture_grows_as_the_graph(shape: str, draw: Callable[[Graph], object]) -> None:
    if shape != "chain that ends in one" or draw in (layers.without_implied, layers.levels, layers.size):
        assert growth(lambda count: draw(GRAPHS[shape](count)), 60) < 6


def test_the_work_of_a_drawing_in_a_terminal_grows_as_the_chain() -> None:
    assert growth(lambda count: text.draw(GRAPHS["chain"](count), 80), 40) < 6


def test_a_graph_that_no_terminal_can_show_is_summed_up() -> None:
    assert show.summary(GRAPHS["chain"](10_000)) == [
        "  arrows        9,999",
        "  longest way   10,000 tasks",
        "  side by side  1 at the most, in layer 0",
        "  first         t0",
        "  last          t9999",
        "",
        "too large to be drawn here: -o svg makes a picture, -o dot and -o json say everything",
    ]


@pytest.mark.parametrize("hostile", ["${{ " * 50_000, "1" * 200_000, "1m" * 100_000])
def test_no_text_of_a_fleet_takes_long(hostile: str) -> None:
    begun = time.monotonic()
    assert secret_detection.REFERENCE.search(hostile) is None
    assert seconds(hostile) is None
    assert time.monotonic() - begun < 20
