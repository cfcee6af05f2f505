"""Places inside of texts, however the text is written."""

from __future__ import annotations

import pytest

from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping, Scalar
from airfleet.yaml.positions import Sources


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("ab ▸! c", None),
        ("'ab ▸! c'", None),
        ("'it''s ▸! c'", None),
        ("'▸!'''", None),
        ('"ab ▸! c"', None),
        (r'"a\t\x41\u00e4\"▸! c"', None),
        ("|\n  one\n\n    two ▸!\n  three", None),
        ("|-  # a comment\n    one ▸!\n", None),
        ("&anchor x!", (1, 4)),
        ("!!str x!", (1, 4)),
        (">\n  folded\n  x!", (1, 4)),
        ("plain on\n  two lines!", (1, 4)),
        ("'quoted on\n  two lines!'", (1, 4)),
        ('"a line that \\\n  goes on!"', (1, 4)),
        ("|2\n    deeper!\n", (1, 4)),
    ],
)
def test_a_part_of_a_text_has_its_own_place(written: str, place: tuple[int, int] | None) -> None:
    marked = f"a: {written}\n"
    text = marked.replace("▸", "")
    [document], _ = nodes.load(text, "p.yaml")
    assert isinstance(document, Mapping)
    scalar = document.entries[0][1]
    assert isinstance(scalar, Scalar)
    sources = Sources()
    sources.add("p.yaml", text)
    found = sources.finder(scalar)(scalar.text.index("!"))
    if place is None:
        before = marked[: marked.index("▸")]
        place = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    assert (found.line, found.column) == place


def test_a_file_that_nobody_noted_has_the_place_of_the_scalar() -> None:
    [document], _ = nodes.load("ab", "p.yaml")
    assert isinstance(document, Scalar)
    assert Sources().finder(document)(1) == document.place
