"""Whether a question to a person makes sense: its options, the usual ones, and the tasks behind them."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.checks.check_context import Checking
from airfleet.pipelines.language.spec import Task, Value
from airfleet.problem_codes import Code

_BRANCH: Final = "HITLBranchOperator"
_MODULE: Final = "airflow.providers.standard.operators.hitl."


def check_question(task: Task, path: str, checking: Checking) -> None:
    """Note what an operator that asks a person would refuse when the Dag is made, or fail of when somebody answers."""
    if not path.startswith(_MODULE):
        return
    at = f"{task.path}.with"
    options = _texts(task.args.get("options"))
    if options == ():
        checking.problem(f"{at}.options", "must not be empty", "write the answers, such as [yes, no]")
    if not options:
        return
    _check_among(f"{at}.defaults", task.args.get("defaults"), options, checking)
    defaults = task.args.get("defaults")
    if isinstance(defaults, tuple) and len(defaults) > 1 and task.args.get("multiple") is not True:
        checking.problem(f"{at}.defaults", "are several", "write multiple: true", Code.CONTRADICTION)
    if path.endswith(_BRANCH):
        _check_branches(task, options, checking)


def _check_branches(task: Task, options: tuple[str, ...], checking: Checking) -> None:
    """Note options without a task to go on with."""
    mapping = task.args.get("options_mapping")
    at = f"{task.path}.with.options_mapping"
    named = mapping if isinstance(mapping, dict) else {}
    for option in named:
        _check_among(f"{at}.{option}", option, options, checking)
    for option in options:
        target = named.get(option, option)
        if isinstance(target, str) and target not in checking.ids and target not in checking.groups:
            path = f"{at}.{option}" if option in named else f"{task.path}.with.options"
            hint = checking.hints.did_you_mean(target, checking.ids)
            hint = hint or f"options_mapping: {{{option}: id}} says which task follows"
            checking.problem(path, f"there is no task '{target}' to go on with", hint, Code.BRANCH_ANSWER)


def _check_among(path: str, value: Value, options: tuple[str, ...], checking: Checking) -> None:
    for one in _texts(value) or ():
        if one not in options:
            hint = checking.hints.did_you_mean(one, options) or f"one of {', '.join(options)}"
            checking.problem(path, f"'{one}' is not one of the options", hint, Code.NOT_A_CHOICE)


def _texts(value: Value) -> tuple[str, ...] | None:
    """Give the texts of a list, or one text; None for everything that is not known yet."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return tuple(str(item) for item in value)
    return None
