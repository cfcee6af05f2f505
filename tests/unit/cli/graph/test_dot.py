"""Dags in the language of Graphviz."""

from __future__ import annotations

from airfleet.cli.graph import dot
from airfleet.cli.graph.layers import Cluster, Graph, Node


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


def test_groups_are_clusters_in_clusters() -> None:
    nodes = (Node("a"), Node("g.b", group="g"), Node("g.h.c", group="g.h"))
    drawn = Graph(nodes, (), (Cluster("g"), Cluster("g.h", "g", "× file")))
    assert dot.draw(drawn, "shop").splitlines()[3:-1] == [
        '  "a" [tooltip="a"];',
        '  subgraph "cluster g" {',
        '    label="g";',
        '    "g.b" [tooltip="g.b"];',
        '    subgraph "cluster g.h" {',
        '      label="g.h × file";',
        '      "g.h.c" [tooltip="g.h.c"];',
        "    }",
        "  }",
    ]
