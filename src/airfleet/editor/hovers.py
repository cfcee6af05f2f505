"""Texts about the key or value under the mouse."""

from __future__ import annotations

from airfleet.editor import documentation, entries, spots
from airfleet.editor.known_keys import known_keys
from airfleet.editor.spots import Written
from airfleet.pipelines.analysis import short_names
from airfleet.pipelines.analysis.module_files import Roots
from airfleet.yaml.nodes import Scalar


def hover(written: Written, roots: Roots) -> str | None:
    """Give Markdown about what is written there; None when there is nothing to say."""
    if written.is_key:
        return _of_key(written, roots)
    if written.path[-1] == "uses":
        return _of_uses(written.scalar.text, roots)
    if spots.key_of(written.path) in spots.OF_ENTRIES:
        return _of_entry(written)
    return None


def _of_key(written: Written, roots: Roots) -> str | None:
    *above, name = written.path
    if above and above[-1] in ("with", "expand") and len(written.around) > 1:
        uses = documentation.named_by(written.around[-2])
        source = documentation.source_of(uses, roots) if uses else None
        words = documentation.of_argument(source, str(name), roots) if source else ""
        return f"**{name}**\n\n{words}" if words else None
    says = known_keys(tuple(above), written.around[-1]).get(str(name))
    return f"**{name}**\n\n{says}" if says else None


def _of_uses(uses: str, roots: Roots) -> str | None:
    source = documentation.source_of(uses, roots)
    if source is None:
        return None
    path = uses if ":" in uses else short_names.resolve(uses)
    needed = documentation.arguments_of(uses, roots)
    listed = ", ".join(f"**{name}**" if is_needed else name for name, is_needed in needed.items())
    parts = [f"`{path}`", documentation.summary(source.docstring), f"Arguments: {listed}" if listed else ""]
    return "\n\n".join(part for part in parts if part)


def _of_entry(written: Written) -> str | None:
    entry = entries.called(written.document, written.path, written.scalar.text)
    if entry is None:
        return None
    uses = entry.node.get("uses")
    what = "group" if entry.is_group else f"task, uses `{uses.text}`" if isinstance(uses, Scalar) else "task"
    return f"**{entry.whole}**: {what}, line {entry.node.place.line}"
