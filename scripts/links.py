"""Check that the relative links of all documents lead to files, and their anchors to headings.

Prints each link that leads nowhere as ``file:line: link``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = ("*.md", "docs/**/*.md", "examples/*/*.md", "tests/*.md", "benchmarks/*.md")

_FENCE = re.compile(r"^ {0,3}```.*?^ {0,3}```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
_HEADING = re.compile(r"^#+ (.+?) *#*$", re.MULTILINE)
_EXPLICIT = re.compile(r"<a (?:id|name)=\"([^\"]+)\"")


def main() -> int:
    """Print the links that lead nowhere; give 1 when there are some."""
    found = [
        f"{document.relative_to(REPOSITORY)}:{line}: {link}"
        for pattern in DOCUMENTS
        for document in sorted(REPOSITORY.glob(pattern))
        for line, link in broken(document)
    ]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


def broken(document: Path) -> Iterator[tuple[int, str]]:
    """Find the links of a document that lead nowhere, each with its line."""
    text = _without_blocks(document.read_text(encoding="utf-8"))
    for link in _LINK.finditer(text):
        file, anchor = link[1], link[2]
        if "://" in file or file.startswith("mailto:"):
            continue
        target = document.parent / file if file else document
        leads = target.exists() and (not anchor or target.suffix != ".md" or anchor in anchors(target))
        if not leads:
            yield text.count("\n", 0, link.start()) + 1, file + (f"#{anchor}" if anchor else "")


@cache
def anchors(document: Path) -> frozenset[str]:
    """Name the anchors of a document as GitHub makes them of headings, those of repeated headings with a number."""
    text = _without_blocks(document.read_text(encoding="utf-8"))
    found = set(_EXPLICIT.findall(text))
    for heading in _HEADING.findall(text):
        name = slug(heading)
        numbered = (f"{name}-{number}" for number in range(1, 1000))
        found.add(name if name not in found else next(one for one in numbered if one not in found))
    return frozenset(found)


def slug(heading: str) -> str:
    """Give a heading's anchor: small letters, hyphens for spaces, no other signs."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


def _without_blocks(text: str) -> str:
    """Empty the fenced blocks, and keep the number of lines."""
    return _FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)


if __name__ == "__main__":
    sys.exit(main())
