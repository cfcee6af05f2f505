"""Dags drawn with the characters of a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given

from airfleet.cli.graph import text
from airfleet.cli.graph.layers import Graph
from support.graphs import graph, graphs

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


@given(graphs())
def test_any_graph_is_drawn_with_every_task_once_and_an_arrow_into_every_task_that_needs_one(drawn: Graph) -> None:
    picture = text.draw(drawn, 100)
    for node in drawn.nodes:
        assert picture.count(f" {node.id} ") == 1
    assert picture.count("▶") + picture.count("▼") == len({down for _, down in drawn.edges})
