"""Places of boxes within their layers."""

from __future__ import annotations

import itertools

from hypothesis import given

from airfleet.cli.graph import layers, placing
from airfleet.cli.graph.layers import Graph
from support.graphs import graphs


@given(graphs())
def test_boxes_never_overlap(drawn: Graph) -> None:
    arranged = layers.arrange(drawn)
    at = placing.on_grid(placing.place(arranged, lambda v: (0, 0) if v.bend else (1, 1), 1))
    for layer in arranged.layers:
        for above, below in itertools.pairwise(layer):
            reach = 1 + (not above.bend) + (not below.bend)
            assert at[below] - at[above] >= reach
