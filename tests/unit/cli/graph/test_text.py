"""Drawings of Dags, whole; and what holds for the drawing of any Dag."""

from __future__ import annotations

import graphlib
import itertools
import json
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airfleet.cli.graph import dot, layers, placing, routing, svg, text
from airfleet.cli.graph.layers import Graph, Node, Vertex
from airfleet.client.project import Project
from support.command_line import Airfleet


def graph(*ways: str) -> Graph:
    """``graph("a b c", "a c")``: a→b→c and a→c."""
    chains = [way.split() for way in ways]
    nodes = dict.fromkeys(task for chain in chains for task in chain)
    edges = dict.fromkeys(pair for chain in chains for pair in itertools.pairwise(chain))
    return Graph(tuple(map(Node, nodes)), tuple(edges))


DRAWINGS = {
    "one": (graph("only"), 80, "┌──────┐\n│ only │\n└──────┘"),
    "a chain": (
        graph("fetch clean store"),
        80,
        """\
┌───────┐   ┌───────┐   ┌───────┐
│ fetch ├──▶│ clean ├──▶│ store │
└───────┘   └───────┘   └───────┘""",
    ),
    "out and in": (
        graph("a b d", "a c d"),
        80,
        """\
         ┌───┐
      ┌─▶│ b ├─┐
┌───┐ │  └───┘ │  ┌───┐
│ a ├─┤  ┌───┐ ├─▶│ d │
└───┘ └─▶│ c ├─┘  └───┘
         └───┘""",
    ),
    "past a layer": (
        graph("start fetch clean end", "start end"),
        80,
        """\
             ┌───────┐   ┌───────┐
┌───────┐ ┌─▶│ fetch ├──▶│ clean ├─┐  ┌─────┐
│ start ├─┤  └───────┘   └───────┘ ├─▶│ end │
└───────┘ └────────────────────────┘  └─────┘""",
    ),
    "all to all": (
        graph("a x", "a y", "b x", "b y"),
        80,
        """\
┌───┐    ┌───┐
│ a ├─┬─▶│ x │
└───┘ │  └───┘
┌───┐ │  ┌───┐
│ b ├─┴─▶│ y │
└───┘    └───┘""",
    ),
    "parts that have nothing to do with each other": (
        graph("a b", "lonely"),
        80,
        """\
┌───┐   ┌───┐
│ a ├──▶│ b │
└───┘   └───┘
┌────────┐
│ lonely │
└────────┘""",
    ),
    "too wide for the screen": (
        graph("extract transform", "extract check"),
        25,
        """\
        ┌─────────┐
        │ extract │
        └────┬────┘
             │
      ┌──────┴─────┐
      ▼            ▼
┌───────────┐  ┌───────┐
│ transform │  │ check │
└───────────┘  └───────┘""",
    ),
    "wide characters": (
        graph("取得 保存"),
        80,
        """\
┌──────┐   ┌──────┐
│ 取得 ├──▶│ 保存 │
└──────┘   └──────┘""",
    ),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing(name: str) -> None:
    drawn, width, expected = DRAWINGS[name]
    assert text.draw(drawn, width) == expected


def test_nothing_to_draw() -> None:
    assert text.draw(Graph((), ()), 80) == ""


def test_a_circle_is_refused() -> None:
    with pytest.raises(graphlib.CycleError):
        layers.arrange(graph("a b a"))


def test_implied_arrows_are_found() -> None:
    assert layers.without_implied(graph("a b c d", "a c", "a d", "b d")).edges == (("a", "b"), ("b", "c"), ("c", "d"))


def test_what_needs_nothing_stands_just_before_what_needs_it() -> None:
    arranged = layers.arrange(graph("a b c", "late c"))
    assert {v.task: v.layer for layer in arranged.layers for v in layer} == {"a": 0, "b": 1, "c": 2, "late": 1}


def test_crossings_that_can_be_avoided_are_avoided() -> None:
    assert layers.crossings(layers.arrange(graph("a y", "b x", "a z", "c x"))) == 0


def test_lines_that_would_run_into_each_other_get_tracks_in_the_right_order() -> None:
    a, b, x, y = (Vertex(task, layer) for task, layer in (("a", 0), ("b", 0), ("x", 1), ("y", 1)))
    found = routing.nets([(a, y), (b, x)], {a: 0, b: 3}, {x: 5, y: 3})
    to_y, to_x = found
    tracks = routing.tracks(found)
    assert tracks is not None
    # b leaves on row 3, on which a arrives: b must have turned away before.
    assert tracks[to_x] < tracks[to_y]


def test_lines_that_run_into_each_other_in_any_order_have_no_tracks() -> None:
    a, b, x, y = (Vertex(task, layer) for task, layer in (("a", 0), ("b", 0), ("x", 1), ("y", 1)))
    assert routing.tracks(routing.nets([(a, y), (b, x)], {a: 0, b: 3}, {x: 0, y: 3})) is None


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 12))
    names = [f"t{number}" * draw(st.integers(1, 3)) for number in range(count)]
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=24)) if pairs else []
    return Graph(tuple(map(Node, names)), tuple((names[a], names[b]) for a, b in chosen))


@given(graphs())
def test_any_graph_is_drawn_with_every_task_once_and_an_arrow_into_every_task_that_needs_one(drawn: Graph) -> None:
    picture = text.draw(drawn, 100)
    for node in drawn.nodes:
        assert picture.count(f" {node.id} ") == 1
    assert picture.count("▶") + picture.count("▼") == len({down for _, down in drawn.edges})


@given(graphs())
def test_boxes_never_overlap(drawn: Graph) -> None:
    arranged = layers.arrange(drawn)
    at = placing.on_grid(placing.place(arranged, lambda v: (0, 0) if v.bend else (1, 1), 1))
    for layer in arranged.layers:
        for above, below in itertools.pairwise(layer):
            reach = 1 + (not above.bend) + (not below.bend)
            assert at[below] - at[above] >= reach


@given(graphs())
def test_any_graph_is_valid_svg_with_a_box_for_each_task(drawn: Graph) -> None:
    root = ET.fromstring(svg.draw(drawn, "a <title> & more"))
    boxes = root.findall(".//{http://www.w3.org/2000/svg}rect")
    assert len(boxes) == len(drawn.nodes)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert all(float(box.attrib["x"]) + float(box.attrib["width"]) <= width for box in boxes)
    assert all(float(box.attrib["y"]) + float(box.attrib["height"]) <= height for box in boxes)


def test_svg_escapes_what_people_write() -> None:
    drawn = Graph((Node("a<b", 'say "x" & more'),), ())
    assert "a&lt;b" in svg.draw(drawn, "t")
    assert ET.fromstring(svg.draw(drawn, "t")).find("{http://www.w3.org/2000/svg}title") is not None


def test_dot() -> None:
    drawn = Graph((Node("a", "bash"), Node('b"c')), (("a", 'b"c'),))
    assert dot.draw(drawn, "shop") == (
        'digraph "shop" {\n'
        "  rankdir=LR;\n"
        '  node [shape=box, style=rounded, fontname="sans-serif"];\n'
        '  "a" [tooltip="bash"];\n'
        '  "b\\"c" [tooltip="b\\"c"];\n'
        '  "a" -> "b\\"c";\n'
        "}\n"
    )


PIPELINE = """\
dag_id: ${{ job.name }}_job
schedule: "@daily"
jobs: [{name: eu}, {name: us}]
tasks:
  - {id: fetch, uses: bash, with: {bash_command: ls}}
  - {id: store, needs: [fetch]}
  - {id: report, needs: [fetch, store]}
"""


@pytest.fixture
def jobs(project: Project) -> str:
    (project.root / "pipelines" / "jobs.yaml").write_text(PIPELINE)
    return "pipelines/jobs.yaml"


def test_show_draws_jobs_that_look_alike_once(jobs: str, airfleet: Airfleet) -> None:
    result = airfleet("show", jobs)
    assert result.code == 0
    assert result.out == (
        "eu_job: 3 tasks, schedule @daily\n"
        "us_job: 3 tasks, schedule @daily\n"
        "\n"
        "┌───────┐   ┌───────┐   ┌────────┐\n"
        "│ fetch ├──▶│ store ├──▶│ report │\n"
        "└───────┘   └───────┘   └────────┘\n"
        "\n"
        "1 implied arrow left out (--all-arrows)\n"
    )


def test_show_one_job_as_json(jobs: str, airfleet: Airfleet) -> None:
    assert json.loads(airfleet("show", jobs, "--job", "us", "-o", "json").out) == [
        {
            "dag_id": "us_job",
            "job": "us",
            "schedule": "@daily",
            "tasks": [
                {"id": "fetch", "uses": "bash", "needs": [], "layer": 0},
                {"id": "store", "uses": None, "needs": ["fetch"], "layer": 1},
                {"id": "report", "uses": None, "needs": ["fetch", "store"], "layer": 2},
            ],
        }
    ]


def test_show_as_a_picture(jobs: str, airfleet: Airfleet) -> None:
    assert airfleet("show", jobs, "-o", "svg").out.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert airfleet("show", jobs, "-o", "dot").out.startswith('digraph "jobs" {\n')


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["pipelines/job.yaml"], 1, "error: no such file: pipelines/job.yaml\nhint: did you mean 'jobs.yaml'?\n"),
        (
            ["pipelines/jobs.yaml", "--job", "asia"],
            2,
            "error: pipelines/jobs.yaml has no job 'asia'\nhint: it has eu, us\n",
        ),
    ],
)
def test_show_of_what_is_not_there(argv: list[str], code: int, said: str, jobs: str, airfleet: Airfleet) -> None:
    result = airfleet("show", *argv)
    assert (result.code, result.err) == (code, said)


def test_show_of_a_broken_file_tells_its_problems(project: Project, airfleet: Airfleet) -> None:
    (project.root / "pipelines" / "broken.yaml").write_text("dag_id: x\ntasks: [{id: a, needs: [b]}]\n")
    result = airfleet("show", "pipelines/broken.yaml")
    assert result.code == 1
    assert result.err == "pipelines/broken.yaml:2:25: tasks.a.needs[0]: there is no task 'b'\n"
