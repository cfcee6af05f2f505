"""Layers of a Dag: arrows that others imply are left out, and few arrows cross."""

from __future__ import annotations

import graphlib

import pytest

from airfleet.cli.graph import layers
from support.graphs import graph


def test_a_circle_is_refused() -> None:
    with pytest.raises(graphlib.CycleError):
        layers.arrange(graph("a b a"))


def test_implied_arrows_are_found() -> None:
    assert layers.without_implied(graph("a b c d", "a c", "a d", "b d")).edges == (("a", "b"), ("b", "c"), ("c", "d"))


def test_what_needs_nothing_stands_just_before_what_needs_it() -> None:
    arranged = layers.arrange(graph("a b c", "late c"))
    assert {v.task: v.layer for layer in arranged.layers for v in layer} == {"a": 0, "b": 1, "c": 2, "late": 1}


def test_crossings_that_can_be_avoided_are_avoided() -> None:
    assert layers.crossings(layers.arrange(graph("a y", "b x", "a z", "c x"))) == 0
