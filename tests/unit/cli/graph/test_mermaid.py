"""Dags as Mermaid flowcharts."""

from __future__ import annotations

from airfleet.cli.graph import mermaid
from airfleet.cli.graph.layers import Cluster, Graph, Node


def test_tasks_groups_and_arrows() -> None:
    nodes = (Node("a", "bash"), Node("g.b", group="g"))
    drawn = Graph(nodes, (("a", "g.b"),), (Cluster("g", "", "× file"),))
    assert mermaid.draw(drawn, "shop") == (
        '---\ntitle: "shop"\n---\nflowchart LR\n'
        '  t0["a<br/><small>bash</small>"]\n'
        '  subgraph "g × file"\n'
        '    t1["g.b"]\n'
        "  end\n"
        "  t0 --> t1\n"
    )


def test_signs_of_mermaid_and_html_are_entities() -> None:
    drawn = mermaid.draw(Graph((Node('a"b<c>#;'),), ()), 't"')
    assert 't0["a#34;b#60;c#62;#35;#59;"]' in drawn
    assert 'title: "t#34;"' in drawn
