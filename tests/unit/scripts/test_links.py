"""Links between documents lead to files and headings; a link that leads nowhere is found."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.documents import REPOSITORY

OTHER = "# Other page\n\n## A part's `end`\n\n## Twice\n\n## Twice\n\n```\n## In a block\n```\n"


@pytest.fixture(scope="module")
def links() -> Iterator[Any]:
    """``scripts/links.py`` as a module."""
    sys.path.insert(0, str(REPOSITORY / "scripts"))
    yield importlib.import_module("links")
    sys.path.remove(str(REPOSITORY / "scripts"))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page beside another one and a picture."""
    (tmp_path / "other.md").write_text(OTHER)
    (tmp_path / "picture.svg").touch()
    return tmp_path / "page.md"


@pytest.mark.parametrize(
    "link",
    [
        "other.md",
        "other.md#a-parts-end",
        "other.md#twice-1",
        "picture.svg",
        "#here",
        "https://example.com/nowhere#at-all",
    ],
)
def test_a_link_to_a_file_or_a_heading_is_right(links: Any, page: Path, link: str) -> None:
    page.write_text(f"# Here\n\n[text]({link})\n")
    assert list(links.broken(page)) == []


@pytest.mark.parametrize("link", ["another.md", "other.md#a-part", "other.md#in-a-block", "other.md#twice-2", "#there"])
def test_a_link_that_leads_nowhere_is_found_with_its_line(links: Any, page: Path, link: str) -> None:
    page.write_text(f"# Here\n\n```\n[text](no.md)\n```\n\n[text]({link})\n")
    assert list(links.broken(page)) == [(7, link)]


def test_every_link_of_the_repository_leads_somewhere(links: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert links.main() == 0, capsys.readouterr().out
