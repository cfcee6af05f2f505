"""Tables of reference pages, made from field tables, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from airfleet.yaml.fields import Field, Kinds, Name, Table


def of_fields(fields: Table[Name], kinds: Kinds[Name]) -> str:
    """Write a table with a row for each key; a required one has a star."""
    return markdown_table(("key", "value", "means"), _rows(fields, kinds))


def _rows(fields: Table[Name], kinds: Kinds[Name]) -> Iterator[tuple[str, str, str]]:
    for name, field in fields.items():
        yield f"`{name}`{'*' if field.required else ''}", _accepts(field, kinds), field.says


def _accepts(field: Field[Name], kinds: Kinds[Name]) -> str:
    if field.choices:
        *most, last = (f"`{choice}`" for choice in field.choices)
        return f"{', '.join(most)} or {last}"
    if field.maximum is not None:
        return f"{field.minimum} to {field.maximum}"
    at_least = "" if field.minimum is None else f", {field.minimum} or more"
    return kinds[field.kind].shown + at_least


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    r"""Write a table of Markdown.

    >>> print(markdown_table(("key", "means"), [("`a`", "one | two")]))
    | key | means |
    | --- | --- |
    | `a` | one \| two |
    """
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
