"""Nodes as YAML text."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airfleet.yaml import nodes
from airfleet.yaml.comments import comments
from airfleet.yaml.writing import write


def rewritten(text: str) -> str:
    (document,), problems = nodes.load(text, "p.yaml")
    assert problems == ()
    return write(document, comments(text))


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: [x, z]\nc: {d: 1, e: null}\n",
        "# first\na: 1  # one\nb:\n  # inside\n  - id: x\n    with: {c: {$t: '{{ ds }}'}}\n  - {id: z}\n",
        "text: |\n  line one\n    indented # no comment\n  line two\nlast: |-\n  a\n  b\n",
        "a: 'on'\nb: '0644'\nc: '2026-01-01'\nd: '12:30'\ne: 'x: y'\nf: '# x'\ng: ''\nh: '- x'\n",
        "a: on the way\nb: s3://lake/orders\nc: 0 6 * * *\nd: shop.steps:load\n",
        "a: '@daily'\nb: \"tab\\t\"\nc: 1.5\nd: 2026-01-01\ne: 0x1F\nf: true\n",
        "- a\n- {b: 1, c: {}, d: []}\n- b: 1\n  c: 2\n  d: 3\n  e: 4\n",
    ],
)
def test_what_is_well_written_stays_as_it_is(text: str) -> None:
    assert rewritten(text) == text


def test_long_lists_take_a_line_for_each_item() -> None:
    names = [f"a_rather_long_name_{number}" for number in range(8)]
    assert rewritten(f"needs: [{', '.join(names)}]\n") == "needs:\n" + "".join(f"  - {name}\n" for name in names)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(VALUES)
def test_what_is_written_is_read_as_the_same(value: object) -> None:
    documents, problems = nodes.load(yaml.dump(value, allow_unicode=True), "p.yaml")
    if problems or not documents:
        return
    again, wrong = nodes.load(write(documents[0]), "p.yaml")
    assert wrong == ()
    assert repr(nodes.plain(again[0])) == repr(nodes.plain(documents[0]))
