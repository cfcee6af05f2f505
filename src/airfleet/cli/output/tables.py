"""Rows of data in the four formats of ``-o``: table, json, yaml, plain.

``json`` and ``yaml`` carry every key and are a contract for programs; ``table`` shows chosen
columns to people; ``plain`` is the same columns, tab-separated, without a header.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from airfleet.cli.output import terminal

Row = Mapping[str, Any]


def put_rows(rows: Sequence[Row], output: str, columns: Mapping[str, str], whole: Any = None) -> None:
    """Print ``rows``; ``columns`` maps the key of each shown column to its heading.

    ``whole`` is what json and yaml print instead of the bare list of rows.
    """
    if output in ("json", "yaml"):
        put_value(rows if whole is None else whole, output)
    elif output == "plain":
        for row in rows:
            terminal.put("\t".join(_text(row.get(key)) for key in columns))
    else:
        terminal.put(table(rows, columns))


def put_value(value: Any, output: str) -> None:
    """Print one value as json or yaml."""
    terminal.put(as_json(value) if output == "json" else as_yaml(value))


def as_json(value: Any) -> str:
    """Write ``value`` as indented JSON; what JSON does not know (dates, paths, infinity) as text."""
    try:
        return json.dumps(value, indent=2, default=str, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), indent=2, default=str, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    """Replace NaN and infinity, which Python writes and no other program reads."""
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def as_yaml(value: Any) -> str:
    """Write ``value`` as YAML."""
    import yaml

    return str(yaml.safe_dump(json.loads(as_json(value)), sort_keys=False, allow_unicode=True)).rstrip()


def table(rows: Sequence[Row], columns: Mapping[str, str]) -> str:
    """Write ``rows`` under headings, in aligned columns; a column that says nothing is left out."""
    shown = {key: heading for key, heading in columns.items() if any(_text(row.get(key)) for row in rows)}
    lines = [[heading.upper() for heading in shown.values()]]
    lines += [[_text(row.get(key)) for key in shown] for row in rows]
    widths = [max(terminal.cells(line[i]) for line in lines) for i in range(len(shown))]
    texts = ["  ".join(map(terminal.fill, line, widths)).rstrip() for line in lines]
    return "\n".join([terminal.style(texts[0], bold=True), *map(_fitting, texts[1:])])


def _fitting(line: str) -> str:
    # Only a person's terminal cuts lines; a file or a pipe gets them whole.
    if not sys.stdout.isatty() or terminal.cells(line) <= terminal.width():
        return line
    return line[: terminal.width() - 1] + "…"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return str(value).replace("\t", " ").replace("\n", " ")
