"""A Dag in Graphviz's language."""

from __future__ import annotations

from airfleet.cli.graph.layers import Graph


def draw(graph: Graph, title: str) -> str:
    """Draw the graph as the text of a ``.dot`` file."""
    nodes = [f"  {_quoted(node.id)} [tooltip={_quoted(node.note or node.id)}];" for node in graph.nodes]
    edges = [f"  {_quoted(up)} -> {_quoted(down)};" for up, down in graph.edges]
    head = [
        f"digraph {_quoted(title)} {{",
        "  rankdir=LR;",
        '  node [shape=box, style=rounded, fontname="sans-serif"];',
    ]
    return "\n".join([*head, *nodes, *edges, "}", ""])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
