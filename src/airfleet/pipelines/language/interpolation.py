"""``${{ }}`` in a document is resolved when the file is read.

There are ``${{ job.x }}``, ``${{ env.X }}`` and ``${{ vars.x }}``. Alone in a value they keep the type of what they
name (``${{ job }}`` is the whole mapping); inside text they are written out. ``${{ env.X or 'text' }}`` gives the
literal when there is no such name, ``$${{`` is a plain ``${{``, and nothing is resolved inside ``{$const: ...}``.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AbstractMapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final

from airfleet.errors import listed
from airfleet.pipelines.language.expressions import BadExpression, Expression, Part, ValuePath, parse
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence
from airfleet.yaml.problems import Hints, Report, joined


@dataclass(frozen=True)
class Scope:
    """The names that ``${{ }}`` can use."""

    variables: AbstractMapping[str, str] = field(default_factory=dict)
    environ: AbstractMapping[str, str] = field(default_factory=dict)
    job: Mapping | None = None
    #: what to say when a job is named where there is none
    no_job: str = "this document has no 'jobs'"
    #: ids of lists and mappings in which there is nothing to resolve, see :func:`plain_parts`
    plain: AbstractSet[int] = frozenset()
    #: values and names of the mappings of the job that were looked into, by their ids
    _mappings: dict[int, tuple[dict[str, Node], frozenset[str]]] = field(default_factory=dict, compare=False)

    def of_job(self, values: Mapping, plain: AbstractSet[int] = frozenset()) -> Scope:
        """Give the scope of one job."""
        return replace(self, job=values, plain=plain, _mappings={})

    def values_of(self, node: Mapping) -> AbstractMapping[str, Node]:
        """Give the values of a mapping in the job, by their keys."""
        return self._looked_into(node)[0]

    def names_in(self, node: Mapping) -> frozenset[str]:
        """Give the keys of a mapping in the job; the same set each time."""
        return self._looked_into(node)[1]

    def _looked_into(self, node: Mapping) -> tuple[dict[str, Node], frozenset[str]]:
        if id(node) not in self._mappings:
            values = {key.text: value for key, value in node.entries}
            self._mappings[id(node)] = (values, frozenset(values))
        return self._mappings[id(node)]


#: The fleet gives its variables to every component, and ``airfleet run`` to its child, as environment of this name.
VARIABLE_PREFIX: Final = "AIRFLEET_VAR_"
#: No text may get longer by what is put into it.
LONGEST_TEXT: Final = 5_000_000


def variables(environ: AbstractMapping[str, str]) -> dict[str, str]:
    """Give the fleet's variables, for ``${{ vars.x }}``, as they stand in the environment of its components."""
    return {
        name.removeprefix(VARIABLE_PREFIX): value
        for name, value in environ.items()
        if name.startswith(VARIABLE_PREFIX) and name != VARIABLE_PREFIX
    }


def may_have_expressions(text: str) -> bool:
    """Tell whether a value of this YAML may have ``${{ }}``: as it stands, or by an escape in a quoted text."""
    return "${{" in text or "\\" in text


def resolve(node: Node, path: str, scope: Scope, report: Report) -> Node:
    """Resolve every ``${{ }}`` in ``node``. Parts without any are shared, not copied."""
    if isinstance(node, Scalar):
        return _resolve_text(node, path, scope, report) if "${{" in node.text else node
    if id(node) in scope.plain:
        return node
    if isinstance(node, Sequence):
        items = tuple([resolve(item, _item_path(path, i, item), scope, report) for i, item in enumerate(node.items)])
        return node if _same(items, node.items) else Sequence(items, node.place)
    return _resolve_mapping(node, path, scope, report)


def plain_parts(node: Node) -> frozenset[int]:
    """List the ids of lists and mappings in ``node`` without ``${{ }}``: all jobs of a document share these."""
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
    name = item.get("id") if path == "tasks" and isinstance(item, Mapping) else None
    return f"tasks.{name.text}" if isinstance(name, Scalar) and name.text else f"{path}[{index}]"


def _resolve_mapping(node: Mapping, path: str, scope: Scope, report: Report) -> Mapping:
    if len(node.entries) == 1 and node.entries[0][0].text == "$const":
        return node
    values = []
    for key, value in node.entries:
        if "${{" in key.text:
            report.problem(key, path, "'${{ }}' cannot be used in a key", code=Code.EXPRESSION_PLACE)
        values.append(resolve(value, joined(path, key.text), scope, report))
    if _same(values, [value for _, value in node.entries]):
        return node
    return Mapping(tuple((key, new) for (key, _), new in zip(node.entries, values, strict=True)), node.place)


def _same(new: Iterable[Node], old: Iterable[Node]) -> bool:
    return all(a is b for a, b in zip(new, old, strict=True))


def _resolve_text(node: Scalar, path: str, scope: Scope, report: Report) -> Node:
    parts = parse(node.text)
    for part in parts:
        if isinstance(part, BadExpression):
            report.problem(node, path, part.sentence, part.hint, Code.EXPRESSION_SYNTAX)
    if (whole := _alone(parts)) is not None:
        found = _evaluate(whole, node, path, scope, report)
        return found if found is not None else Scalar("", "", node.place, quoted=True)
    text = _written_out(parts, node, path, scope, report)
    return Scalar(text, text, node.place, quoted=True)


def _alone(parts: tuple[Part, ...]) -> Expression | None:
    """Give the expression that is the whole value, with nothing but space around it."""
    told = [part for part in parts if not isinstance(part, str) or part.strip()]
    return told[0] if len(told) == 1 and isinstance(told[0], Expression) else None


def _written_out(parts: tuple[Part, ...], node: Scalar, path: str, scope: Scope, report: Report) -> str:
    written: list[str] = []
    left = LONGEST_TEXT
    for part in parts:
        piece = part if isinstance(part, str) else ""
        if isinstance(part, Expression) and (found := _evaluate(part, node, path, scope, report)) is not None:
            piece = _in_text(found, part, node, path, report)
        left -= len(piece)
        if left < 0:
            sentence = f"the text gets longer than {LONGEST_TEXT:,} characters by its '${{{{ }}}}'"
            report.problem(node, path, sentence, code=Code.FILE_LIMIT)
            break
        written.append(piece)
    return "".join(written)


def _in_text(found: Node, expression: Expression, node: Node, path: str, report: Report) -> str:
    """Write a value inside text: unchanged, but nothing for null, and true and false in small letters."""
    if not isinstance(found, Scalar):
        shape = "list" if isinstance(found, Sequence) else "mapping"
        hint = f"write ${{{{ {expression.inside} }}}} as the whole value, without text around it"
        sentence = f"'{expression.inside}' is a {shape} and cannot stand inside text"
        report.problem(node, path, sentence, hint, Code.EXPRESSION_PLACE)
        return ""
    if found.value is None or isinstance(found.value, bool):
        return "" if found.value is None else str(found.value).lower()
    return found.text


def _evaluate(expression: Expression, node: Node, path: str, scope: Scope, report: Report) -> Node | None:
    """Find the first path that is there, else the literal; None with problems when there is neither."""
    missing: list[_Missing] = []
    for written in expression.paths:
        if written.root == "job" and scope.job is None:
            report.problem(node, path, f"'job' cannot be used here: {scope.no_job}", code=Code.EXPRESSION_PLACE)
            return None
        found = (
            _from_job(written, scope, report.hints)
            if written.root == "job"
            else _from_names(written, node, scope, report.hints)
        )
        if not isinstance(found, _Missing):
            return found
        missing.append(found)
    if (literal := expression.literal) is not None:
        return Scalar(literal.value, literal.text, node.place, quoted=literal.quoted)
    for reason in missing:
        report.problem(node, path, reason.sentence, reason.hint, Code.EXPRESSION_NAME)
    return None


@dataclass(frozen=True)
class _Missing:
    sentence: str
    hint: str | None = None


def _from_job(written: ValuePath, scope: Scope, hints: Hints) -> Node | _Missing:
    assert scope.job is not None
    here: Node = scope.job
    walked = "job"
    for step in written.steps:
        inner = _step(here, step, scope)
        if inner is None:
            return _not_there(here, walked, step, scope, hints)
        here, walked = inner, f"{walked}.{step}"
    return here


def _step(node: Node, step: str, scope: Scope) -> Node | None:
    if isinstance(node, Mapping):
        return scope.values_of(node).get(step)
    if isinstance(node, Sequence) and step.isdecimal() and int(step) < len(node.items):
        return node.items[int(step)]
    return None


def _not_there(node: Node, walked: str, step: str, scope: Scope, hints: Hints) -> _Missing:
    if isinstance(node, Mapping):
        known = scope.names_in(node)
        hint = hints.did_you_mean(step, known)
        if hint is None and known:
            hint = "it has " + listed(scope.values_of(node))
        return _Missing(f"'{walked}' has no '{step}'", hint)
    if isinstance(node, Sequence):
        return _Missing(f"'{walked}' is a list of {len(node.items)} and has no '{step}'", "items count from 0")
    return _Missing(f"'{walked}' is a plain value and has no '{step}'")


def _from_names(written: ValuePath, node: Node, scope: Scope, hints: Hints) -> Node | _Missing:
    root, name = written.root, ".".join(written.steps)
    names = scope.environ if root == "env" else scope.variables
    if name in names:
        return Scalar(names[name], names[name], node.place, quoted=True)
    if not name:
        return _Missing(f"'{root}' needs a name, as in {root}.{'NAME' if root == 'env' else 'name'}")
    if root == "env":
        hint = hints.did_you_mean(name, names) or f"give a default: ${{{{ env.{name} or 'text' }}}}"
        return _Missing(f"the environment has no '{name}'", hint)
    hint = hints.did_you_mean(name, names) or "write it under 'vars' in fleet.yaml"
    return _Missing(f"the fleet has no variable '{name}'", hint)
