"""Retry policies: ``[{exception: package.module.Error, action: fail}]``, or an object."""

from __future__ import annotations

import builtins
from typing import Final

from airfleet.pipelines.language.options.callbacks import object_alone
from airfleet.pipelines.language.spec import NewObject, RetryPolicy, RetryRule, Value
from airfleet.pipelines.language.values import Invalid, boolean, duration, marker_key, noted, shape, text, texts
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Sequence, is_null
from airfleet.yaml.problems import Report, joined

ACTIONS: Final = ("retry", "fail", "default")
RULE_KEYS: Final = ("exception", "action", "retry_delay", "reason", "match_subclasses")
_HINT: Final = "write [{exception: package.module.Error, action: fail}], for example"


def retry_policy(node: Node, path: str, report: Report) -> RetryPolicy | NewObject | None:
    """Read a list of rules, ``{rules: [...], default: action}``, or an object."""
    if isinstance(node, Sequence):
        return RetryPolicy(_rules(node, path, report))
    if not isinstance(node, Mapping):
        report.problem(node, path, f"must be rules for errors, not {shape(node)}", _HINT, Code.WRONG_SHAPE)
        return None
    if marker_key(node) is not None:
        return object_alone(node, path, report)
    return _policy(node, path, report)


def _policy(node: Mapping, path: str, report: Report) -> RetryPolicy | None:
    for key, _ in node.entries:
        if key.text not in ("rules", "default"):
            hint = report.hints.did_you_mean(key.text, ("rules", "default")) or _HINT
            report.problem(key, path, f"a retry policy has no '{key.text}'", hint, Code.UNKNOWN_KEY)
    rules, default = node.get("rules"), node.get("default")
    if not isinstance(rules, Sequence):
        report.problem(rules or node, path, "a retry policy needs a list of 'rules'", _HINT, Code.MISSING_KEY)
        return None
    other = "default" if default is None else _action(default, joined(path, "default"), report)
    return RetryPolicy(_rules(rules, joined(path, "rules"), report), other, ".rules")


def _rules(node: Sequence, path: str, report: Report) -> tuple[RetryRule | NewObject, ...]:
    if not node.items:
        report.problem(node, path, "a retry policy needs at least one rule", _HINT, Code.EMPTY_VALUE)
    found = [_rule(item, f"{path}[{index}]", report) for index, item in enumerate(node.items)]
    return tuple(rule or RetryRule(()) for rule in found)


def _rule(node: Node, path: str, report: Report) -> RetryRule | NewObject | None:
    if not isinstance(node, Mapping):
        report.problem(node, path, f"must be a rule, not {shape(node)}", _HINT, Code.WRONG_SHAPE)
        return None
    if marker_key(node) is not None:
        return object_alone(node, path, report)
    found: dict[str, Value] = {}
    for key, item in node.entries:
        if key.text not in RULE_KEYS:
            hint = report.hints.did_you_mean(key.text, RULE_KEYS)
            report.problem(key, path, f"a rule has no '{key.text}'", hint, Code.UNKNOWN_KEY)
        elif not is_null(item):
            found[key.text] = _of_rule(key.text, item, joined(path, key.text), report)
    if "exception" not in found and not report.is_wrong(path):
        report.problem(node, path, "a rule needs 'exception', the import path of an error", _HINT, Code.MISSING_KEY)
    exceptions = found.pop("exception", None) or ()
    return RetryRule(exceptions, **{key: one for key, one in found.items() if one is not None})  # type: ignore[arg-type]


def _of_rule(name: str, node: Node, path: str, report: Report) -> Value:
    if name == "action":
        return _action(node, path, report)
    if name == "exception":
        return noted(_exceptions, node, path, report)
    if name == "retry_delay":
        return noted(duration, node, path, report)
    return noted(boolean if name == "match_subclasses" else text, node, path, report)


def _action(node: Node, path: str, report: Report) -> str:
    """Read an action; the usual one when it is wrong (noted in ``report``)."""
    written = noted(text, node, path, report)
    if isinstance(written, str) and written not in ACTIONS:
        hint = report.hints.did_you_mean(written, ACTIONS) or f"one of {', '.join(ACTIONS)}"
        report.problem(node, path, f"'{written}' is not one of the values it can have", hint, Code.NOT_A_CHOICE)
    return written if isinstance(written, str) else ACTIONS[0]


def _exceptions(node: Node) -> Value:
    if not (found := tuple(_exception(written) for written in texts(node))):
        raise Invalid("needs at least one error", _HINT, Code.EMPTY_VALUE)
    return found


def _exception(written: str) -> str:
    """Write an error of Python itself with its module.

    >>> _exception("ConnectionError"), _exception("shop:Away")
    ('builtins.ConnectionError', 'shop.Away')
    """
    path = written.replace(":", ".")
    found = getattr(builtins, path, None)
    if isinstance(found, type) and issubclass(found, BaseException):
        return f"builtins.{path}"
    if "." not in path:
        raise Invalid(f"'{written}' is not the import path of an error", "write package.module.Error")
    return path
