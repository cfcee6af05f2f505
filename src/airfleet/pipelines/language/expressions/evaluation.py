"""The value of an expression, or why there is none. Nothing is evaluated as Python."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from airfleet.errors import did_you_mean, listed
from airfleet.pipelines.language.arguments import CONTEXT_NAMES
from airfleet.pipelines.language.expressions import functions, tree
from airfleet.pipelines.language.expressions.functions import FUNCTIONS, Maker, Refused, shape, written_out
from airfleet.pipelines.language.expressions.scope import ROOTS, Fault, Faults
from airfleet.pipelines.language.expressions.tokens import short
from airfleet.pipelines.language.expressions.tree import Expression, Name, Tree
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence
from airfleet.yaml.scalars import scalar_value


def evaluate(expression: Expression, make: Maker) -> Node | Faults:
    """Find the value of an expression."""
    loops = make.scope.loops
    if unknown := [name for name in expression.names if name.name not in ROOTS and name.name not in loops]:
        return tuple(_unknown(name, expression, (*ROOTS, *loops)) for name in unknown)
    try:
        return _Evaluation(expression, make).of(expression.tree)
    except _NoValue as none:
        return none.faults


def is_true(node: Node) -> bool:
    """Tell whether a condition holds: false, null, 0, all that is empty, and the text ``false`` do not."""
    if isinstance(node, Scalar):
        return bool(node.value) and not (isinstance(node.value, str) and node.value.lower() == "false")
    return bool(node.items if isinstance(node, Sequence) else node.entries)


#: what others call them in files
_SECRETS: Final = ("secrets", "secret", "conn", "connections", "vault")


def _unknown(name: Name, expression: Expression, known: tuple[str, ...]) -> Fault:
    begins = expression.inside[name.span.start - expression.start :]
    token = begins[: next((at for at, sign in enumerate(begins) if not (sign.isalnum() or sign in "_-.")), None)]
    is_first = name.span.start == expression.start
    hint = did_you_mean(name.name, (*known, *FUNCTIONS) if not is_first else known)
    if name.name in CONTEXT_NAMES:
        hint = "to render when the task runs, write {$t: \"{{ ... }}\"} without the '$'"
    elif name.name in _SECRETS:
        hint = "a task takes a secret from a connection or variable of Airflow when it runs"
    elif name.name in ("matrix", "item", "loop"):
        hint = "the item of a 'for' is ${{ each }}"
    elif not is_first and (hint is None or token == name.name):
        hint = f"to mean the text, put it in quotes: '{short(token)}'"
    there = f"{', '.join(known[:-1])} and {known[-1]}"
    written = short(name.name if is_first else token)
    return Fault(
        name.span, f"'{written}' is not known in '${{{{ }}}}'; there are {there}", hint, code=Code.EXPRESSION_NAME
    )


class _NoValue(Exception):
    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__()

    @property
    def is_missing(self) -> bool:
        """Tell whether only values are not there, for which ``or`` has another one."""
        return all(fault.is_missing for fault in self.faults)


@dataclass(frozen=True)
class _Evaluation:
    """One expression; raises :class:`_NoValue` where a part has none."""

    expression: Expression
    make: Maker

    def of(self, part: Tree) -> Node:
        if isinstance(part, tree.Access | Name):  # nearly all of them
            return self.path(part)
        match part:
            case tree.Literal():
                return Scalar(part.value, part.text, self.make.place, quoted=part.quoted)
            case tree.ListOf():
                return self.run(part, lambda: self.make.items([self.of(item) for item in part.items]))
            case tree.Call():
                return self.call(part)
            case tree.Or():
                return self.either(part) if part.is_condition else self.first(part.items)
            case tree.And():
                return self.make.truth(all(is_true(self.of(item)) for item in part.items))
            case tree.Not():
                return self.make.truth(not is_true(self.of(part.item)))
            case tree.Comparison():
                return self.run(part, lambda: self.make.truth(self.compared(part)))
            case tree.Choice():
                return self.of(part.then if is_true(self.of(part.condition)) else part.otherwise)

    def run(self, part: Tree, work: Callable[[], Node]) -> Node:
        """Do the work of a function; what it refuses is a fault of ``part``."""
        try:
            return work()
        except Refused as refused:
            sentence = refused.sentence
            if isinstance(part, tree.Call) and sentence.startswith("takes "):
                sentence = f"'{part.function}' {sentence}"
            code = Code.EXPRESSION_NAME if refused.is_missing else Code.EXPRESSION_VALUE
            raise _NoValue(Fault(part.span, sentence, refused.hint, refused.is_missing, code)) from None

    # --- values that may be missing

    def first(self, items: tuple[Tree, ...], is_there: Callable[[Node], bool] = lambda _: True) -> Node:
        """Find the first item that is there; the last one, if none is."""
        faults: list[Fault] = []
        for item in items:
            try:
                found = self.of(item)
            except _NoValue as missing:
                if not missing.is_missing:
                    raise
                faults += missing.faults
                continue
            if is_there(found) or item is items[-1]:
                return found
        raise _NoValue(*faults)

    def either(self, part: tree.Or) -> Node:
        """Tell whether an item is true; one that is not there is not, but not all may be missing."""
        faults: list[Fault] = []
        for item in part.items:
            try:
                if is_true(self.of(item)):
                    return self.make.truth(True)
            except _NoValue as missing:
                if not missing.is_missing:
                    raise
                faults += missing.faults
            else:
                continue
        if len(faults) < len(part.items):
            return self.make.truth(False)
        raise _NoValue(*faults)

    def call(self, part: tree.Call) -> Node:
        if part.function == "default":
            return self.first(part.arguments, lambda found: written_out(found) != "")
        given = [self.of(argument) for argument in part.arguments]
        return self.run(part, lambda: FUNCTIONS[part.function].run(self.make, *given))

    # --- names and steps

    def path(self, part: Tree) -> Node:
        """Walk from a name to what is inside of it, without recursion: there may be thousands of steps."""
        steps: list[tree.Access] = []
        while isinstance(part, tree.Access):
            steps.append(part)
            part = part.inner
        steps.reverse()
        if isinstance(part, Name) and part.name in ("env", "vars"):
            return self.outside(part, steps)
        here = self.named(part) if isinstance(part, Name) else self.of(part)
        for step in steps:
            here = self.step(here, step)
        return here

    def named(self, part: Name) -> Node:
        scope = self.make.scope
        if part.name != "job":
            return scope.loops[part.name]
        if scope.job is None:
            raise _NoValue(Fault(part.span, f"'job' cannot be used here: {scope.no_job}", code=Code.EXPRESSION_PLACE))
        return scope.job

    def key(self, step: tree.Access) -> str:
        found = self.of(step.key)
        if not isinstance(found, Scalar):
            raise _NoValue(Fault(step.key.span, f"a key or number goes between '[' and ']', not {shape(found)}"))
        return found.text

    def step(self, here: Node, step: tree.Access) -> Node:
        key = step.key.text if isinstance(step.key, tree.Literal) else self.key(step)
        found = self.make.scope.values_of(here).get(key) if isinstance(here, Mapping) else _item(here, key)
        return found if found is not None else self.not_there(here, step, key)

    def not_there(self, here: Node, step: tree.Access, key: str) -> Node:
        walked, shown = short(self.expression.written(step.inner)), short(key)
        scope, hints = self.make.scope, self.make.hints
        if isinstance(here, Mapping):
            known = scope.names_in(here)
            hint = hints.did_you_mean(key, known)
            if hint is None and known:
                hint = "it has " + listed(scope.values_of(here))
            sentence = f"'{walked}' has no '{shown}'"
        elif isinstance(here, Sequence):
            hint = "items count from 0"
            sentence = f"'{walked}' is a list of {len(here.items)} and has no '{shown}'"
        else:
            hint = None
            sentence = f"'{walked}' is a plain value and has no '{shown}'"
        raise _NoValue(Fault(step.key.span, sentence, hint, is_missing=True, code=Code.EXPRESSION_NAME))

    def outside(self, root: Name, steps: list[tree.Access]) -> Node:
        """Find a variable of the environment or of the fleet; a dot may be in its name."""
        name = ".".join([self.key(step) for step in steps])
        wrong = steps[0].key if steps else root
        if not name:
            example = "env.NAME" if root.name == "env" else "vars.name"
            raise _NoValue(
                Fault(
                    root.span,
                    f"'{root.name}' needs a name, as in {example}",
                    is_missing=True,
                    code=Code.EXPRESSION_NAME,
                )
            )
        if root.name == "env":
            return self.run(wrong, lambda: functions.from_environment(name, self.make))
        variables = self.make.scope.variables
        if name in variables:
            return Scalar(variables[name], variables[name], self.make.place, quoted=True)
        hint = self.make.hints.did_you_mean(name, variables) or "write it under 'vars' in fleet.yaml"
        raise _NoValue(
            Fault(wrong.span, f"the fleet has no variable '{name}'", hint, is_missing=True, code=Code.EXPRESSION_NAME)
        )

    # --- comparisons

    def compared(self, part: tree.Comparison) -> bool:
        left, right = self.of(part.left), self.of(part.right)
        if part.sign in ("in", "not in"):
            return self.is_in(left, right) == (part.sign == "in")
        if part.sign in _EQUAL:
            return _are_equal(left, right) == (part.sign == "==")
        one, other = _meant(left, right)
        if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
            functions.refuse(f"{shape(left)} and {shape(right)} have no order")
        try:
            return bool(_ORDERS[part.sign](one, other))
        except TypeError:
            functions.refuse(f"{shape(left)} and {shape(right)} have no order")

    def is_in(self, left: Node, right: Node) -> bool:
        if isinstance(right, Sequence):
            self.make.charge(characters=len(right.items))
            return any(_are_equal(left, item) for item in right.items if isinstance(item, Scalar))
        text = written_out(left)
        if text is None:
            functions.refuse(f"{shape(left)} cannot be looked for with 'in'")
        if isinstance(right, Mapping):
            return text in self.make.scope.names_in(right)
        self.make.charge(characters=len(right.text))
        return text in (written_out(right) or "")


_EQUAL: Final = ("==", "!=")
_ORDERS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _item(here: Node, key: str) -> Node | None:
    if isinstance(here, Sequence) and key.isdecimal() and len(key) < 10 and int(key) < len(here.items):
        return here.items[int(key)]
    return None


def _are_equal(left: Node, right: Node) -> bool:
    one, other = _meant(left, right)
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _meant(left: Node, right: Node) -> tuple[object, object]:
    """Give two plain values to compare; beside a number, date, true or false, a text counts as what it says."""
    one, other = _plain(left), _plain(right)
    if isinstance(one, str) and not isinstance(other, str) and other is not None:
        one = scalar_value(one)
    elif isinstance(other, str) and not isinstance(one, str) and one is not None:
        other = scalar_value(other)
    return _moment(one, other), _moment(other, one)


def _plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.value
    return functions.refuse(f"{shape(node)} cannot be compared", "len(…) counts it, and 'in' looks into it")


def _moment(value: object, beside: object) -> object:
    """Give a date beside a date with time as its midnight, and beside one with a zone as one in UTC."""
    if not isinstance(value, dt.date) or not isinstance(beside, dt.datetime):
        return value
    moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
    return moment.replace(tzinfo=dt.UTC) if beside.tzinfo and not moment.tzinfo else moment
