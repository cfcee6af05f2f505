"""A Dag in Graphviz's language."""

from __future__ import annotations

from collections.abc import Iterator

from airfleet.cli.graph.layers import Graph


def draw(graph: Graph, title: str) -> str:
    """Draw the graph as the text of a ``.dot`` file."""
    nodes = [*_within("", graph, "  ")]
    edges = [f"  {_quoted(up)} -> {_quoted(down)};" for up, down in graph.edges]
    head = [
        f"digraph {_quoted(title)} {{",
        "  rankdir=LR;",
        '  node [shape=box, style=rounded, fontname="sans-serif"];',
    ]
    return "\n".join([*head, *nodes, *edges, "}", ""])


def _within(group: str, graph: Graph, indent: str) -> Iterator[str]:
    clusters, nodes = graph.within(group)
    for node in nodes:
        yield f"{indent}{_quoted(node.id)} [tooltip={_quoted(node.note or node.id)}];"
    for cluster in clusters:
        yield f"{indent}subgraph {_quoted(f'cluster {cluster.id}')} {{"
        yield f"{indent}  label={_quoted(cluster.title)};"
        yield from _within(cluster.id, graph, indent + "  ")
        yield f"{indent}}}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
