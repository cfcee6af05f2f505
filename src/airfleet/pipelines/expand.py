"""``${{ }}`` in a document is resolved when the file is read.

There are ``${{ job.x }}``, ``${{ env.X }}`` and ``${{ vars.x }}``. Alone in a value they keep the type of what they
name (``${{ job }}`` is the whole mapping); inside text they are written out. ``${{ env.X or 'text' }}`` gives the
literal when there is no such name, ``$${{`` is a plain ``${{``, and nothing is resolved inside ``{$const: ...}``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from collections.abc import Mapping as AbstractMapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final

from airfleet.errors import did_you_mean
from airfleet.pipelines.report import Report, joined
from airfleet.scalars import scalar_value
from airfleet.source import Mapping, Node, Scalar, Sequence


@dataclass(frozen=True)
class Scope:
    """What ``${{ }}`` can name."""

    variables: AbstractMapping[str, str] = field(default_factory=dict)
    environ: AbstractMapping[str, str] = field(default_factory=dict)
    job: Mapping | None = None
    #: what to say when a job is named where there is none
    no_job: str = "this document has no 'jobs'"
    #: ids of lists and mappings in which there is nothing to resolve, see :func:`plain_parts`
    plain: AbstractSet[int] = frozenset()

    def of_job(self, values: Mapping, plain: AbstractSet[int] = frozenset()) -> Scope:
        """The scope of one job."""
        return replace(self, job=values, plain=plain)


#: The fleet gives its variables to every component, and ``airfleet run`` to its child, as environment of this name.
VARIABLE_PREFIX: Final = "AIRFLEET_VAR_"


def variables(environ: AbstractMapping[str, str]) -> dict[str, str]:
    """The fleet's variables, for ``${{ vars.x }}``, as they stand in the environment of its components."""
    return {
        name.removeprefix(VARIABLE_PREFIX): value
        for name, value in environ.items()
        if name.startswith(VARIABLE_PREFIX) and name != VARIABLE_PREFIX
    }


_EXPRESSION = re.compile(r"(\$?)\$\{\{(.*?)\}\}", re.DOTALL)
_INSIDE = re.compile(
    r"""\s*(?P<path>[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*)
        (?:\s+or\s+(?P<literal>'[^']*'|"[^"]*"|[^\s'"]+))?\s*\Z""",
    re.VERBOSE,
)
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]")
_ROOTS: Final = ("job", "env", "vars")


def resolve(node: Node, path: str, scope: Scope, report: Report) -> Node:
    """``node`` with every ``${{ }}`` resolved. Parts without any are shared, not copied."""
    if isinstance(node, Scalar):
        return _resolve_text(node, path, scope, report) if "${{" in node.text else node
    if id(node) in scope.plain:
        return node
    if isinstance(node, Sequence):
        items = tuple([resolve(item, _item_path(path, i, item), scope, report) for i, item in enumerate(node.items)])
        return node if _same(items, node.items) else Sequence(items, node.place)
    return _resolve_mapping(node, path, scope, report)


def plain_parts(node: Node) -> frozenset[int]:
    """The ids of the lists and mappings in ``node`` that hold no ``${{ }}``: all jobs of a document share these."""
    found: set[int] = set()
    _note_plain(node, found)
    return frozenset(found)


def _note_plain(node: Node, found: set[int]) -> bool:
    if isinstance(node, Scalar):
        return "${{" not in node.text
    parts = node.items if isinstance(node, Sequence) else [part for entry in node.entries for part in entry]
    answers = [_note_plain(part, found) for part in parts]  # of every part, also behind one that is not plain
    if all(answers):
        found.add(id(node))
        return True
    return False


def _item_path(path: str, index: int, item: Node) -> str:
    """Tasks are named by their ids, other items by their numbers."""
    name = entry(item, "id") if path == "tasks" and isinstance(item, Mapping) else None
    return f"tasks.{name.text}" if isinstance(name, Scalar) and name.text else f"{path}[{index}]"


def _resolve_mapping(node: Mapping, path: str, scope: Scope, report: Report) -> Mapping:
    if len(node.entries) == 1 and node.entries[0][0].text == "$const":
        return node
    values = []
    for key, value in node.entries:
        if "${{" in key.text:
            report.problem(key, path, "'${{ }}' cannot be used in a key")
        values.append(resolve(value, joined(path, key.text), scope, report))
    if _same(values, [value for _, value in node.entries]):
        return node
    return Mapping(tuple((key, new) for (key, _), new in zip(node.entries, values, strict=True)), node.place)


def _same(new: Iterable[Node], old: Iterable[Node]) -> bool:
    return all(a is b for a, b in zip(new, old, strict=True))


def _resolve_text(node: Scalar, path: str, scope: Scope, report: Report) -> Node:
    whole = _EXPRESSION.fullmatch(node.text.strip())
    if whole is not None and not whole[1] and "${{" not in whole[2]:
        found = _evaluate(whole[2], node, path, scope, report)
        return found if found is not None else Scalar("", "", node.place, quoted=True)

    def written(match: re.Match[str]) -> str:
        if match[1]:
            return match[0][1:]
        found = _evaluate(match[2], node, path, scope, report)
        return _in_text(found, match[2], node, path, report) if found is not None else ""

    text = _EXPRESSION.sub(written, node.text)
    if "${{" in _EXPRESSION.sub("", node.text):
        report.problem(node, path, "'${{' is not closed by '}}'")
    return Scalar(text, text, node.place, quoted=True)


def _in_text(found: Node, inside: str, node: Node, path: str, report: Report) -> str:
    if not isinstance(found, Scalar):
        shape = "list" if isinstance(found, Sequence) else "mapping"
        hint = f"write ${{{{ {inside.strip()} }}}} as the whole value, without text around it"
        report.problem(node, path, f"'{inside.strip()}' is a {shape} and cannot stand inside text", hint)
        return ""
    if found.value is None or isinstance(found.value, bool):
        return "" if found.value is None else str(found.value).lower()
    if isinstance(found.value, int):
        return str(found.value)
    return found.value.isoformat() if type(found.value) is dt.date else found.text


def _evaluate(inside: str, node: Node, path: str, scope: Scope, report: Report) -> Node | None:
    match = _INSIDE.match(inside)
    if match is None:
        hint = "write job.name, env.NAME or vars.name, and a default as in: env.NAME or 'text'"
        report.problem(node, path, f"'${{{{{inside}}}}}' cannot be understood", hint)
        return None
    root, *steps = [match["path"]] if "." not in match["path"] and "[" not in match["path"] else _steps(match["path"])
    if root not in _ROOTS:
        hint = did_you_mean(root, _ROOTS) or "to render when the task runs, write {$t: \"{{ ... }}\"} without the '$'"
        report.problem(node, path, f"'{root}' is not known in '${{{{ }}}}'; there are job, env and vars", hint)
        return None
    missing: list[tuple[str, str | None]] = []
    found = _from_job(steps, scope, missing) if root == "job" else _from_names(root, steps, node, scope, missing)
    if found is None and match["literal"] is not None and not (root == "job" and scope.job is None):
        return _literal(match["literal"], node)
    for sentence, hint_ in missing:
        report.problem(node, path, sentence, hint_)
    return found


def _steps(written: str) -> list[str]:
    first = re.match(r"[\w-]+", written)
    assert first is not None  # the caller's pattern says so
    return [first[0], *(a or b for a, b in _STEP.findall(written[first.end() :]))]


def _from_job(steps: list[str], scope: Scope, missing: list[tuple[str, str | None]]) -> Node | None:
    if scope.job is None:
        missing.append((f"'job' cannot be used here: {scope.no_job}", None))
        return None
    here: Node = scope.job
    walked = "job"
    for step in steps:
        inner = _step(here, step)
        if inner is None:
            missing.append(_not_there(here, walked, step))
            return None
        here, walked = inner, f"{walked}.{step}"
    return here


def _step(node: Node, step: str) -> Node | None:
    if isinstance(node, Mapping):
        return entry(node, step)
    if isinstance(node, Sequence) and step.isdigit() and int(step) < len(node.items):
        return node.items[int(step)]
    return None


def _not_there(node: Node, walked: str, step: str) -> tuple[str, str | None]:
    if isinstance(node, Mapping):
        known = [key.text for key, _ in node.entries]
        hint = did_you_mean(step, known) or ("it has " + ", ".join(known) if known else None)
        return f"'{walked}' has no '{step}'", hint
    if isinstance(node, Sequence):
        return f"'{walked}' is a list of {len(node.items)} and has no '{step}'", "items count from 0"
    return f"'{walked}' is a plain value and has no '{step}'", None


def _from_names(
    root: str, steps: list[str], node: Node, scope: Scope, missing: list[tuple[str, str | None]]
) -> Node | None:
    names = scope.environ if root == "env" else scope.variables
    name = ".".join(steps)
    if name in names:
        return Scalar(names[name], names[name], node.place, quoted=True)
    if not name:
        missing.append((f"'{root}' needs a name, as in {root}.{'NAME' if root == 'env' else 'name'}", None))
    elif root == "env":
        hint = did_you_mean(name, names) or f"give a default: ${{{{ env.{name} or 'text' }}}}"
        missing.append((f"the environment has no '{name}'", hint))
    else:
        hint = did_you_mean(name, names) or "write it under 'vars' in fleet.yaml"
        missing.append((f"the fleet has no variable '{name}'", hint))
    return None


def _literal(written: str, node: Node) -> Scalar:
    if written[0] in "'\"":
        return Scalar(written[1:-1], written[1:-1], node.place, quoted=True)
    return Scalar(scalar_value(written), written, node.place)


def entry(node: Mapping, key: str) -> Node | None:
    """The value of ``key``, or None."""
    for known, value in node.entries:
        if known.text == key:
            return value
    return None
