"""A Dag drawn with box characters: from left to right when that fits, else from top to bottom.

::

    ┌───────┐    ┌───────┐    ┌──────┐
    │ fetch ├──┬▶│ clean ├──┬▶│ load │

Where two lines cross without touching, the horizontal one passes over the vertical one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from airfleet.cli.graph import layers, placing, routing
from airfleet.cli.graph.layers import Graph, Layers, Vertex
from airfleet.cli.output import terminal

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
LINES = {
    UP: "│",
    DOWN: "│",
    UP | DOWN: "│",
    LEFT: "─",
    RIGHT: "─",
    LEFT | RIGHT: "─",
    UP | RIGHT: "└",
    UP | LEFT: "┘",
    DOWN | RIGHT: "┌",
    DOWN | LEFT: "┐",
    UP | DOWN | RIGHT: "├",
    UP | DOWN | LEFT: "┤",
    LEFT | RIGHT | DOWN: "┬",
    LEFT | RIGHT | UP: "┴",
    UP | DOWN | LEFT | RIGHT: "┼",
}


def draw(graph: Graph, width: int) -> str:
    """Draw the graph so that it fits ``width`` columns, or as narrow as possible."""
    parts = [layers.arrange(part) for part in layers.components(graph)]
    if max(map(_least_across, parts), default=0) > width:
        down = _draw_all(parts, Downwards())
        if _width(down) <= width:
            return down
    across = _draw_all(parts, Across())
    if _width(across) <= width:
        return across
    return min(across, _draw_all(parts, Downwards()), key=_width)


def _least_across(arranged: Layers) -> int:
    """Columns that a drawing from left to right has at least: its longest boxes, and something between them."""
    way = Across()
    boxes = sum(max(way.length(vertex) for vertex in layer) for layer in arranged.layers)
    return boxes + 3 * (len(arranged.layers) - 1)


@dataclass(frozen=True)
class Across:
    """From left to right: layers are columns, a position is a row."""

    gap: int = 1
    track_step: int = 2
    forward: int = RIGHT
    back: int = LEFT
    plus: int = DOWN
    minus: int = UP
    arrow: str = "▶"

    def reach(self, vertex: Vertex) -> tuple[int, int]:
        """Count rows of the box on either side of its line."""
        return (0, 0) if vertex.bend else (1, 1)

    def length(self, vertex: Vertex) -> int:
        """Columns of the box."""
        return 1 if vertex.bend else terminal.cells(vertex.task) + 4

    def cell(self, along: int, across: int) -> tuple[int, int]:
        """Column and row."""
        return along, across


@dataclass(frozen=True)
class Downwards:
    """From top to bottom: layers are rows, a position is a column."""

    gap: int = 3
    track_step: int = 1
    forward: int = DOWN
    back: int = UP
    plus: int = RIGHT
    minus: int = LEFT
    arrow: str = "▼"

    def reach(self, vertex: Vertex) -> tuple[int, int]:
        """Columns of the box on either side of its line."""
        if vertex.bend:
            return 0, 0
        width = terminal.cells(vertex.task) + 4
        return width // 2, width - 1 - width // 2

    def length(self, vertex: Vertex) -> int:
        """Count rows of the box."""
        return 1 if vertex.bend else 3

    def cell(self, along: int, across: int) -> tuple[int, int]:
        """Column and row."""
        return across, along


@dataclass
class Canvas:
    """Characters and lines at (column, row)."""

    texts: dict[tuple[int, int], str] = field(default_factory=dict)
    #: cell -> net -> directions; one cell may be crossed by lines of several nets
    lines: dict[tuple[int, int], dict[object, int]] = field(default_factory=dict)

    def line(self, cell: tuple[int, int], net: object, directions: int) -> None:
        """Let a line of ``net`` leave the cell in ``directions``."""
        nets = self.lines.setdefault(cell, {})
        nets[net] = nets.get(net, 0) | directions

    def text(self) -> str:
        """Return the drawing without spaces at the ends of lines."""
        cells = {cell: _line_character(nets) for cell, nets in self.lines.items()} | self.texts
        rows: dict[int, dict[int, str]] = {}
        for (column, row), character in cells.items():
            rows.setdefault(row, {})[column] = character
        return "\n".join(_row(rows.get(row, {})) for row in range(min(rows, default=0), max(rows, default=-1) + 1))


def _row(characters: Mapping[int, str]) -> str:
    line: list[str] = []
    width = 0
    for column in sorted(characters):
        text = " " * (column - width) + characters[column]
        line.append(text)
        width += terminal.cells(text)
    return "".join(line)


def _line_character(nets: Mapping[object, int]) -> str:
    vertical = any(directions in (UP, DOWN, UP | DOWN) for directions in nets.values())
    horizontal = any(directions in (LEFT, RIGHT, LEFT | RIGHT) for directions in nets.values())
    if vertical and horizontal:
        return "─"
    union = 0
    for directions in nets.values():
        union |= directions
    return LINES[union]


@dataclass(frozen=True)
class _Plan:
    """Where everything of a drawing goes."""

    arranged: Layers
    way: Across | Downwards
    arrive: Mapping[Vertex, int]
    leave: Mapping[Vertex, int]
    #: for each gutter: its nets, and the track of each that has one
    gutters: tuple[tuple[list[routing.Net], dict[routing.Net, int]], ...]


def _draw_all(parts: Sequence[Layers], way: Across | Downwards) -> str:
    return "\n".join(_draw(part, way) for part in parts)


def _draw(arranged: Layers, way: Across | Downwards) -> str:
    plan = _plan(arranged, way, apart=False) or _plan(arranged, way, apart=True)
    assert plan is not None, "with rows apart there is nothing to contradict"
    canvas = Canvas()
    along = 0
    for index, layer in enumerate(arranged.layers):
        length = max(way.length(vertex) for vertex in layer)
        for vertex in layer:
            _put_vertex(canvas, plan, vertex, along, length)
        along += length
        if index < len(plan.gutters):
            along += _put_gutter(canvas, plan, plan.gutters[index], along)
    return canvas.text()


def _plan(arranged: Layers, way: Across | Downwards, *, apart: bool) -> _Plan | None:
    """Positions and tracks; with ``apart`` lines arrive on even rows and leave on odd ones."""

    def reach(vertex: Vertex) -> tuple[float, float]:
        low, high = way.reach(vertex)
        return (low + low % 2, high + 2 - high % 2) if apart else (low, high)

    gap = way.gap - way.gap % 2 if apart else way.gap
    arrive = placing.on_grid(placing.place(arranged, reach, gap), 2 if apart else 1)
    leave = {vertex: row + 1 if apart else row for vertex, row in arrive.items()}
    gutters = []
    for links in arranged.gutters:
        found = routing.nets(links, leave, arrive)
        tracks = routing.tracks(found)
        if tracks is None:
            return None
        gutters.append((found, tracks))
    return _Plan(arranged, way, arrive, leave, tuple(gutters))


def _put_vertex(canvas: Canvas, plan: _Plan, vertex: Vertex, along: int, length: int) -> None:
    if vertex.bend:
        _put_bend(canvas, plan, vertex, along, length)
        return
    low, high = plan.way.reach(vertex)
    first, last = plan.arrive[vertex] - low, plan.leave[vertex] + high
    corners = (plan.way.cell(along, first), plan.way.cell(along + length - 1, last))
    _put_box(canvas, corners[0], corners[1], vertex.task)
    if vertex in plan.arranged.sources:
        # The line leaves through the box's own border.
        x, y = plan.way.cell(along + length - 1, plan.leave[vertex])
        canvas.texts[x, y] = LINES[plan.way.forward | plan.way.plus | plan.way.minus]


def _put_bend(canvas: Canvas, plan: _Plan, vertex: Vertex, along: int, length: int) -> None:
    way, arrive, leave = plan.way, plan.arrive[vertex], plan.leave[vertex]
    if arrive == leave:
        for step in range(length):
            canvas.line(way.cell(along + step, arrive), vertex, way.forward | way.back)
        return
    canvas.line(way.cell(along, arrive), vertex, way.back | way.plus)
    canvas.line(way.cell(along, leave), vertex, way.minus | way.forward)
    for step in range(1, length):
        canvas.line(way.cell(along + step, leave), vertex, way.forward | way.back)


def _put_box(canvas: Canvas, first: tuple[int, int], last: tuple[int, int], label: str) -> None:
    (left, top), (right, bottom) = first, last
    for x in range(left + 1, right):
        canvas.texts[x, top] = canvas.texts[x, bottom] = "─"
    for y in range(top + 1, bottom):
        canvas.texts[left, y] = canvas.texts[right, y] = "│"
    for corner, cell in zip("┌┐└┘", ((left, top), (right, top), (left, bottom), (right, bottom)), strict=True):
        canvas.texts[cell] = corner
    canvas.texts[left + 2, top + 1] = label


def _put_gutter(
    canvas: Canvas, plan: _Plan, gutter: tuple[list[routing.Net], dict[routing.Net, int]], along: int
) -> int:
    """Draw the lines of one gutter from ``along`` on; its length."""
    found, tracks = gutter
    count = max(tracks.values(), default=-1) + 1
    length = 3 if not count else 2 + (count - 1) * plan.way.track_step + 1 + (plan.way.track_step > 1)
    for net in found:
        track = along + 1 + tracks[net] * plan.way.track_step if net in tracks else None
        _put_net(canvas, plan, net, track, along, along + length - 1)
    return length


def _put_net(canvas: Canvas, plan: _Plan, net: routing.Net, track: int | None, start: int, end: int) -> None:
    way = plan.way
    if track is None:
        _put_straight(canvas, plan, net, net.leaves[0], start, end)
    else:
        for row in net.leaves:
            _put_straight(canvas, plan, net, row, start, track - 1)
            canvas.line(way.cell(track, row), net, way.back)
        for row in net.arrives:
            _put_straight(canvas, plan, net, row, track + 1, end)
            canvas.line(way.cell(track, row), net, way.forward)
        first, last = net.span
        for row in range(first, last):
            canvas.line(way.cell(track, row), net, way.plus)
            canvas.line(way.cell(track, row + 1), net, way.minus)
    for target, row in zip(net.targets, net.arrives, strict=True):
        if not target.bend:
            canvas.texts[way.cell(end, row)] = way.arrow


def _put_straight(canvas: Canvas, plan: _Plan, net: routing.Net, row: int, start: int, end: int) -> None:
    for along in range(start, end + 1):
        canvas.line(plan.way.cell(along, row), net, plan.way.forward | plan.way.back)


def _width(drawing: str) -> int:
    return max(map(terminal.cells, drawing.splitlines()), default=0)
