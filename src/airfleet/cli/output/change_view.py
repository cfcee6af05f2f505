"""Changes for people: a heading for each pipeline, and a sentence with a mark for each change."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from airfleet.cli.output import tables, terminal

if TYPE_CHECKING:
    from airfleet.pipelines.comparison.changes import Change

COLUMNS = {"dag_id": "pipeline", "kind": "kind", "change": "change"}
MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def put(found: Sequence[Change], output: str) -> None:
    """Print the changes in a format of ``-o``."""
    if output == "table":
        put_lines(found)
    else:
        tables.put_rows([row(one) for one in found], output, COLUMNS)


def put_lines(found: Iterable[Change]) -> None:
    """Print the changes for people."""
    for dag_id, some in groupby(found, lambda change: change.dag_id):
        terminal.put(terminal.style(dag_id, bold=True))
        for change in some:
            put_marked(change.kind, change.sentence)
            for line in _lines(change):
                terminal.put(f"      {line}")


def put_marked(kind: str, sentence: str) -> None:
    """Print one change with its mark."""
    mark, colour = MARKS[kind]
    terminal.put(f"  {terminal.style(mark, fg=colour)} {sentence}")


def row(change: Change) -> Mapping[str, Any]:
    """Return one change for programs."""
    texts = {"old": change.old, "new": change.new} if change.old or change.new else {}
    return {"dag_id": change.dag_id, "kind": change.kind, "change": change.sentence, **texts}


def _lines(change: Change) -> Iterator[str]:
    """Yield the lines of a text that differ, as ``diff`` writes them."""
    told = difflib.unified_diff(change.old.splitlines(), change.new.splitlines(), lineterm="", n=1)
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in list(told)[2:]:
        yield terminal.style(line, fg=colours[line[0]]) if line[:1] in colours else line
