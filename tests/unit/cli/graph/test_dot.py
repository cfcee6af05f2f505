"""Dags in the language of Graphviz."""

from __future__ import annotations

from airfleet.cli.graph import dot
from airfleet.cli.graph.layers import Graph, Node


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
