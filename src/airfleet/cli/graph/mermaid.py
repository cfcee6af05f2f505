"""A Dag as a Mermaid flowchart, which Markdown of many sites shows as a picture."""

from __future__ import annotations

from collections.abc import Iterator

from airfleet.cli.graph.layers import Graph


def draw(graph: Graph, title: str) -> str:
    """Draw the graph as the text of a Mermaid flowchart."""
    numbers = {node.id: f"t{number}" for number, node in enumerate(graph.nodes)}
    head = ["---", f"title: {_quoted(title)}", "---", "flowchart LR"]
    edges = [f"  {numbers[up]} --> {numbers[down]}" for up, down in graph.edges]
    return "\n".join([*head, *_within("", graph, numbers, "  "), *edges, ""])


def _within(group: str, graph: Graph, numbers: dict[str, str], indent: str) -> Iterator[str]:
    clusters, nodes = graph.within(group)
    for node in nodes:
        note = f"<br/><small>{_escaped(node.note)}</small>" if node.note else ""
        yield f'{indent}{numbers[node.id]}["{_escaped(node.id)}{note}"]'
    for cluster in clusters:
        yield f"{indent}subgraph {_quoted(cluster.title)}"
        yield from _within(cluster.id, graph, numbers, indent + "  ")
        yield f"{indent}end"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Write signs that Mermaid or HTML would read as their own as entities."""
    return "".join(f"#{ord(sign)};" if sign in '"#;<>&' else sign for sign in text)
