"""The documents of the repository, and the files that stand in them as fenced blocks.

A block names its file after the language: ```` ```yaml pipelines/orders.yaml ````. A YAML file that is followed by
the word ``wrong`` has the problems that the next ``text`` block shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
#: pages whose examples are tested where they are made
GENERATED = tuple(f"docs/reference/{name}.md" for name in ("pipeline", "equivalents", "cli", "problems"))

_FENCE = re.compile(r"^```(\w+)?(?: (\S+))?(?: (wrong))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    file: str
    wrong: bool
    text: str


def documents() -> list[Path]:
    """Give every Markdown file that people read."""
    found = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("examples/*/*.md")]
    return sorted(found)


def name(document: Path) -> str:
    """Give a document as the repository names it."""
    return str(document.relative_to(REPOSITORY))


def blocks(document: Path) -> list[Block]:
    """List its fenced blocks, in order."""
    return [Block(m[1] or "", m[2] or "", bool(m[3]), m[4]) for m in _FENCE.finditer(document.read_text())]


def without_blocks(text: str) -> str:
    """Give a text without its fenced blocks."""
    return _FENCE.sub("", text)


def commands(page: str, after: str, groups: int = 1) -> str:
    """Give the first groups of commands of a guide that stand below a text of it."""
    _, _, below = (REPOSITORY / "docs/how-to" / page).read_text().partition(f"{after}\n")
    lines = re.findall(r"(?:^ {4}\S.*\n)+", below, re.MULTILINE)[:groups]
    assert len(lines) == groups, f"{page} has no such commands below '{after}'"
    return re.sub(r"^ {4}", "", "".join(lines), flags=re.MULTILINE)
