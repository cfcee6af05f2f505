"""Every pair of a pipeline and a Dag in Python is in a table, and a section of the reference leads to it."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from support.documents import REPOSITORY

REFERENCE = REPOSITORY / "docs" / "reference"
LINK = re.compile(r"\]\(\.\./\.\./(?:tests/conformance/pairs|tests/lightning)/(\w+)\)")


@pytest.fixture(scope="module")
def equivalents() -> Iterator[Any]:
    """``scripts/equivalents.py`` as a module."""
    sys.path.insert(0, str(REPOSITORY / "scripts"))
    yield importlib.import_module("equivalents")
    sys.path.remove(str(REPOSITORY / "scripts"))


def test_every_pair_is_the_example_of_a_section_of_the_reference(equivalents: Any) -> None:
    pages = [REFERENCE / name for name in ("pipeline.md", "dag-factory.md")]
    linked = {name for page in pages for name in LINK.findall(page.read_text("utf-8"))}
    assert linked == equivalents.folders().keys()


def test_each_pair_is_a_row_with_its_sentence_and_both_files(equivalents: Any) -> None:
    rows = [line for line in equivalents.page().splitlines() if line.startswith("| [")]
    assert len(rows) == len(equivalents.folders())
    place = "../../tests/conformance/pairs/jobs"
    files = f"[YAML]({place}/pipeline.yaml), [Python]({place}/dag.py)"
    assert f"| [jobs]({place}) | Dags of one shape, by a table, by files and by a matrix. | {files} |" in rows


def test_links_stand_at_the_end_of_their_section_and_not_in_blocks(
    equivalents: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(equivalents, "OF_SECTIONS", {"## A": ("for", "named_groups")})
    text = "# Page\n\n## A\n\n```yaml\n## B\n```\n\n## B\n\nEnd.\n"
    pairs = "../../tests/conformance/pairs"
    links = f"In Python: [for]({pairs}/for), [named groups]({pairs}/named_groups)."
    assert equivalents.linked(text) == f"# Page\n\n## A\n\n```yaml\n## B\n```\n\n{links}\n\n## B\n\nEnd.\n"


def test_a_section_that_is_not_there_is_an_error(equivalents: Any) -> None:
    with pytest.raises(KeyError):
        equivalents.linked("# Page\n")
