"""Templates that name the item of a loop: they are resolved in the entries that extend them, once for each item."""

from __future__ import annotations

from airfleet.pipelines.language.expressions.grammar import parse
from airfleet.pipelines.language.expressions.scope import ROOTS, Scope
from airfleet.pipelines.language.expressions.tree import Expression
from airfleet.pipelines.language.interpolation import resolve
from airfleet.pipelines.reading.templates import Templates
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping, Node
from airfleet.yaml.problems import Report, joined


def late_templates(body: Mapping, scope: Scope, report: Report) -> Templates | None:
    """Give all templates of a document as they are written, if one of them names the item of a loop; else None."""
    written = body.get("templates")
    if not isinstance(written, Mapping) or id(written) in scope.plain:
        return None
    templates = {key.text: value for key, value in written.entries if isinstance(value, Mapping)}
    if not any(map(names_an_item, templates.values())):
        return None
    return Templates(
        {name: with_names(one, f"templates.{name}", scope, report) for name, one in templates.items()}, report
    )


def without_mappings(templates: Node) -> Node:
    """Give what is no template below ``templates``: the reader of the document says so."""
    if not isinstance(templates, Mapping):
        return templates
    entries = tuple(pair for pair in templates.entries if not isinstance(pair[1], Mapping))
    return Mapping(entries, templates.place)


def with_names(entry: Mapping, path: str, scope: Scope, report: Report) -> Mapping:
    """Resolve the names that an entry or a template ``extends``."""
    extends = entry.get("extends")
    if extends is None:
        return entry
    names = resolve(extends, joined(path, "extends"), scope, report)
    return entry.replaced("extends", names)


def names_an_item(template: Node) -> bool:
    """Tell whether an expression names what is neither a job nor outside of the file."""
    texts = (text for text in nodes.texts(template) if "${{" in text)
    found = (part for text in texts for part in parse(text) if isinstance(part, Expression))
    return any(name.name not in ROOTS for expression in found for name in expression.names)
