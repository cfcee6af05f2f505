"""Tracks of lines between two layers."""

from __future__ import annotations

from airfleet.cli.graph import routing
from airfleet.cli.graph.layers import Vertex


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
