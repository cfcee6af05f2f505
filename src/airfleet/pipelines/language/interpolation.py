"""``${{ }}`` in a document is resolved when the file is read.

There are ``${{ job.x }}``, ``${{ env.X }}``, ``${{ vars.x }}``, the items of loops, and what functions make of them.
Alone in a value they keep the type of what they name (``${{ job }}`` is the whole mapping); inside text they are
written out. ``$${{`` is a plain ``${{``, and nothing is resolved inside ``{$const: ...}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from typing import Final

from airfleet.errors import Place
from airfleet.pipelines.language.expressions.evaluation import evaluate
from airfleet.pipelines.language.expressions.functions import TOO_MUCH, Maker, shape, written_out
from airfleet.pipelines.language.expressions.grammar import parse
from airfleet.pipelines.language.expressions.scope import LONGEST_TEXT, Scope
from airfleet.pipelines.language.expressions.tree import BadExpression, Expression, Part
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence
from airfleet.yaml.problems import Report, joined

#: The fleet gives its variables to every component, and ``airfleet run`` to its child, as environment of this name.
VARIABLE_PREFIX: Final = "AIRFLEET_VAR_"


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
        items = tuple([resolve(item, f"{path}[{i}]", scope, report) for i, item in enumerate(node.items)])
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
    text = _Text(node, path, scope, report)
    for part in parts:
        if isinstance(part, BadExpression):
            text.problem(part.start, part.sentence, part.hint, Code.EXPRESSION_SYNTAX)
    if (whole := _alone(parts)) is not None:
        found = text.value(whole)
        return found if found is not None else Scalar("", "", node.place, quoted=True)
    written = text.written_out(parts)
    return Scalar(written, written, node.place, quoted=True)


def _alone(parts: tuple[Part, ...]) -> Expression | None:
    """Give the expression that is the whole value, with nothing but space around it."""
    told = [part for part in parts if not isinstance(part, str) or part.strip()]
    return told[0] if len(told) == 1 and isinstance(told[0], Expression) else None


@dataclass
class _Text:
    """A text with expressions."""

    node: Scalar
    path: str
    scope: Scope
    report: Report
    _finder: Callable[[int], Place] | None = None

    def value(self, expression: Expression) -> Node | None:
        """Find the value of an expression; None, with problems, when there is none."""
        found = evaluate(expression, Maker(self.scope, self.node.place, self.report.hints))
        if not isinstance(found, tuple):
            return found
        for fault in found:
            self.problem(fault.span.start, fault.sentence, fault.hint, fault.code)
        return None

    def written_out(self, parts: tuple[Part, ...]) -> str:
        """Put the values of the expressions into the text."""
        written: list[str] = []
        length = 0
        for part in parts:
            piece = part if isinstance(part, str) else ""
            if isinstance(part, Expression) and (found := self.value(part)) is not None:
                piece = self.in_text(found, part)
            length += len(piece)
            if length > LONGEST_TEXT:
                sentence = f"the text gets longer than {LONGEST_TEXT:,} characters by its '${{{{ }}}}'"
                self.report.problem(self.node, self.path, sentence, code=Code.FILE_LIMIT)
                break
            written.append(piece)
        if not self.scope.allowance.takes(length):
            self.report.problem(self.node, self.path, TOO_MUCH, code=Code.FILE_LIMIT)
        return "".join(written)

    def in_text(self, found: Node, expression: Expression) -> str:
        """Write a value inside text."""
        if (text := written_out(found)) is not None:
            return text
        hint = f"write ${{{{ {expression.inside} }}}} as the whole value, without text around it"
        sentence = f"'{expression.inside}' is {shape(found)} and cannot stand inside text"
        self.problem(expression.start, sentence, hint, Code.EXPRESSION_PLACE)
        return ""

    def problem(self, start: int, sentence: str, hint: str | None, code: Code) -> None:
        """Note a problem of the part that begins at ``start``."""
        self._finder = self._finder or self.scope.sources.finder(self.node)
        self.report.problem_inside(self.node, self._finder(start), self.path, sentence, hint, code)
