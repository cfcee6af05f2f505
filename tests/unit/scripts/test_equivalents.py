"""Every pair of a pipeline and a Dag in Python stands on a page, and a section of the reference leads to it."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from support.documents import REPOSITORY

REFERENCE = REPOSITORY / "docs" / "reference"
LINK = re.compile(r"\]\(equivalents\.md#([\w-]+)\)")


@pytest.fixture(scope="module")
def equivalents() -> Iterator[Any]:
    """``scripts/equivalents.py`` as a module."""
    sys.path.insert(0, str(REPOSITORY / "scripts"))
    yield importlib.import_module("equivalents")
    sys.path.remove(str(REPOSITORY / "scripts"))


def test_every_pair_is_the_example_of_a_section_of_the_reference(equivalents: Any) -> None:
    pages = [REFERENCE / name for name in ("pipeline.md", "dag-factory.md")]
    linked = {anchor for page in pages for anchor in LINK.findall(page.read_text("utf-8"))}
    assert linked == {name.replace("_", "-") for name in equivalents.folders()}


def test_the_page_has_both_sides_and_the_files_beside_them(equivalents: Any) -> None:
    page = equivalents.page()
    section = page[page.index("## jobs\n") : page.index("## mapped group\n")]
    assert section.startswith("## jobs\n\nDags of one shape, by a table, by files and by a matrix. [Its folder](../../")
    found = [section.index(said) for said in ("- from: jobs.csv", "`_jobs/east.yaml`:", "`jobs.csv`:", "def load(name")]
    assert found == sorted(found)
    assert "__future__" not in page


def test_links_stand_at_the_end_of_their_section_and_not_in_blocks(
    equivalents: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(equivalents, "OF_SECTIONS", {"## A": ("for", "named_groups")})
    text = "# Page\n\n## A\n\n```yaml\n## B\n```\n\n## B\n\nEnd.\n"
    links = "In Python: [for](equivalents.md#for), [named groups](equivalents.md#named-groups)."
    assert equivalents.linked(text) == f"# Page\n\n## A\n\n```yaml\n## B\n```\n\n{links}\n\n## B\n\nEnd.\n"


def test_a_section_that_is_not_there_is_an_error(equivalents: Any) -> None:
    with pytest.raises(KeyError):
        equivalents.linked("# Page\n")
