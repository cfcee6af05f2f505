"""The differences between two releases, printed: pipelines in sentences, then other files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airfleet.cli.output import change_view, tables, terminal

if TYPE_CHECKING:
    from airfleet.cli.queries.release_changes import ReleaseChanges

COLUMNS = {"dag_id": "pipeline", "path": "file", "kind": "kind", "change": "change"}


def put(found: ReleaseChanges, output: str) -> None:
    """Print all differences in a format of ``-o``."""
    if output != "table":
        rows = [*map(change_view.row, found.pipelines), *_files(found)]
        whole = {"pipelines": list(map(change_view.row, found.pipelines)), "files": _files(found)}
        tables.put_rows(rows, output, COLUMNS, whole=whole)
        return
    change_view.put_lines(found.pipelines)
    if found.files:
        terminal.put(terminal.style("other files", bold=True))
    for one in found.files:
        change_view.put_marked(one.kind, one.sentence)
    if not found:
        terminal.say("no difference")


def _files(found: ReleaseChanges) -> list[dict[str, Any]]:
    return [{"path": one.path, "kind": one.kind, "change": one.sentence} for one in found.files]
