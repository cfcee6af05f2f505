"""A Dag as an SVG picture, from left to right; its colours follow the reader's light or dark theme."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from xml.sax.saxutils import escape, quoteattr

from airfleet.cli.graph import layers, placing
from airfleet.cli.graph.layers import Graph, Layers, Node, Vertex
from airfleet.cli.output import terminal

# Pixels.
CHARACTER = 7.6
NOTE_CHARACTER = 6.3
PADDING = 14.0
HEIGHT = 46.0
ROW_GAP = 18.0
LAYER_GAP = 64.0
MARGIN = 16.0
LONGEST_NOTE = 34
#: degrees; multiples of it lie far from one another
GOLDEN_ANGLE = 137.5

STYLE = """\
  .box { fill: #ffffff; stroke: #8c959f; }
  .id { fill: #1f2328; font: 600 13px ui-sans-serif, system-ui, sans-serif; }
  .note { fill: #59636e; font: 11px ui-sans-serif, system-ui, sans-serif; }
  .line { fill: none; stroke: #8c959f; stroke-width: 1.5; }
  .head { fill: #8c959f; }
  @media (prefers-color-scheme: dark) {
    .box { fill: #151b23; stroke: #656c76; }
    .id { fill: #f0f6fc; }
    .note { fill: #9198a1; }
    .line { stroke: #656c76; }
    .head { fill: #656c76; }
  }"""


def draw(graph: Graph, title: str) -> str:
    """Draw the picture as the text of an SVG file."""
    arranged, at = _stacked([layers.arrange(part) for part in layers.components(graph)])
    nodes = {node.id: node for node in graph.nodes}
    columns = _columns(arranged, nodes)
    width = max((left + size for left, size in columns), default=0.0) + 2 * MARGIN
    height = max((y + _reach(vertex)[1] for vertex, y in at.items()), default=0.0) + 2 * MARGIN
    hues = _hues(graph)
    body = [
        *_lines(arranged, at, columns),
        *(
            _box(nodes[vertex.task], columns[vertex.layer], y, hues.get(nodes[vertex.task].group))
            for vertex, y in at.items()
            if not vertex.bend
        ),
    ]
    return "\n".join([*_head(title, width, height), *body, "</g>", "</svg>", ""])


def _hues(graph: Graph) -> dict[str, int]:
    """Give each group a hue in degrees; neighbours in the file differ much."""
    return {cluster.id: round(number * GOLDEN_ANGLE) % 360 for number, cluster in enumerate(graph.clusters)}


def _stacked(parts: Sequence[Layers]) -> tuple[Layers, dict[Vertex, float]]:
    """Join the parts, each under the one before it."""
    at: dict[Vertex, float] = {}
    top = 0.0
    for part in parts:
        placed = placing.place(part, _reach, ROW_GAP)
        moved = {vertex: y + top for vertex, y in placed.items()}
        at |= moved
        top = max(y + _reach(vertex)[1] for vertex, y in moved.items()) + ROW_GAP
    columns = zip_longest(*(part.layers for part in parts), fillvalue=())
    links = tuple(link for part in parts for link in part.links)
    return Layers(tuple(tuple(chain.from_iterable(column)) for column in columns), links), at


def _head(title: str, width: float, height: float) -> list[str]:
    size = f'width="{_pixels(width)}" height="{_pixels(height)}" viewBox="0 0 {_pixels(width)} {_pixels(height)}"'
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={quoteattr(title)}>',
        f"<title>{escape(title)}</title>",
        f"<style>\n{STYLE}\n</style>",
        (
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
            ' markerUnits="userSpaceOnUse" orient="auto"><path class="head" d="M0 0 8 4 0 8z"/></marker></defs>'
        ),
        f'<g transform="translate({_pixels(MARGIN)} {_pixels(MARGIN)})">',
    ]


def _reach(vertex: Vertex) -> tuple[float, float]:
    return (0.0, 0.0) if vertex.bend else (HEIGHT / 2, HEIGHT / 2)


def _columns(arranged: Layers, nodes: Mapping[str, Node]) -> list[tuple[float, float]]:
    """Left edge and width of each layer."""
    columns, left = [], 0.0
    for layer in arranged.layers:
        width = max((_node_width(nodes[vertex.task]) for vertex in layer if not vertex.bend), default=0.0)
        columns.append((left, width))
        left += width + LAYER_GAP
    return columns


def _node_width(node: Node) -> float:
    text = max(terminal.cells(node.id) * CHARACTER, terminal.cells(_note(node)) * NOTE_CHARACTER)
    return round(text + 2 * PADDING, 1)


def _pixels(length: float) -> str:
    """Write a length as SVG has it: six digits say enough, but no exponent of a long picture."""
    return f"{length:g}" if abs(length) < 1e5 else f"{length:.0f}"


def _note(node: Node) -> str:
    return node.note if len(node.note) <= LONGEST_NOTE else node.note[: LONGEST_NOTE - 1] + "…"


def _box(node: Node, column: tuple[float, float], y: float, hue: int | None) -> str:
    left, width = column
    middle = left + width / 2
    top = y - HEIGHT / 2
    texts = [_text("id", middle, y + (4.5 if not node.note else -3), node.id)]
    if node.note:
        texts.append(_text("note", middle, y + 14, _note(node)))
    corner = f'x="{_pixels(left)}" y="{_pixels(top)}"'
    colour = f' style="stroke: hsl({hue} 60% 50%); stroke-width: 2"' if hue is not None else ""
    box = f'<rect class="box" {corner} width="{_pixels(width)}" height="{_pixels(HEIGHT)}" rx="7"{colour}/>'
    return f"<g><title>{escape(f'{node.id}: {node.note}' if node.note else node.id)}</title>{box}{''.join(texts)}</g>"


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{_pixels(x)}" y="{_pixels(y)}" text-anchor="middle">{escape(text)}</text>'


def _lines(arranged: Layers, at: Mapping[Vertex, float], columns: list[tuple[float, float]]) -> Iterator[str]:
    for source, target in arranged.links:
        left, width = columns[source.layer]
        x1, y1, x2, y2 = left + width, at[source], columns[target.layer][0], at[target]
        bow = (x2 - x1) / 2
        ends = [(x1, y1), (x1 + bow, y1), (x2 - bow, y2), (x2, y2)]
        start, *rest = [f"{_pixels(x)} {_pixels(y)}" for x, y in ends]
        curve = f"M{start}C{' '.join(rest)}"
        head = "" if target.bend else ' marker-end="url(#head)"'
        yield f'<path class="line" d="{curve}"{head}/>'
    for vertex, y in at.items():
        if vertex.bend:
            left, width = columns[vertex.layer]
            yield f'<path class="line" d="M{_pixels(left)} {_pixels(y)}h{_pixels(width)}"/>'
