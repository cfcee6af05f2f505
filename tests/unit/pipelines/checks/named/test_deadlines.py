"""Deadlines, retry policies and params: what can be made of them is taken, and all else is a problem at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check

STEPS = """
from airflow.sdk import BaseNotifier

def told(context): ...
def late(channel, context=None): ...
async def later(channel="x"): ...
class Away(Exception): ...
class Moment: ...
class Mail(BaseNotifier):
    template_fields = ("text",)
    def __init__(self, text, **kwargs): ...
"""


def said(line: str, folder: Path) -> list[str]:
    (folder / "shop_dl.py").write_text(STEPS)
    file = folder / "p.yaml"
    file.write_text(f"dag_id: d\n{line}\n" + ("" if "tasks:" in line else "tasks: [{id: t}]\n"))
    problems = read_and_check(file, environ={}).problems
    return [f"{p.path}: {p.sentence}" + (f" | {p.hint}" if p.hint else "") for p in problems]


def deadline(**parts: str) -> str:
    given = {"reference": "queued_at", "interval": "1h", "callback": "'shop_dl:told'", **parts}
    return f"deadline: {{{', '.join(f'{name}: {value}' for name, value in given.items() if value)}}}"


@pytest.mark.parametrize(
    "line",
    [
        deadline(),
        deadline(reference="logical_date", interval="{variable: patience}", name="slow"),
        deadline(reference="average_runtime", callback="{uses: 'shop_dl:late', with: {channel: x}}"),
        deadline(reference="{average_runtime: {max_runs: 10, min_runs: 2}}", callback="shop_dl:later"),
        deadline(reference="2026-12-31T06:00:00", callback="{uses: shop_dl.Mail, with: {text: {$t: '{{ ds }}'}}}"),
        deadline(reference="{$new: shop_dl.Moment}", callback="{$new: shop_dl.Moment}"),
        "deadline: [{$new: airflow.sdk.DeadlineAlert, with: {reference: x, interval: 1h, callback: x}}]",
        "defaults: {retry_policy: [{exception: OSError}, {exception: ['shop_dl:Away', shop_dl.Away], action: fail}]}",
        "defaults: {retry_policy: {rules: [{exception: OSError, retry_delay: 5m, reason: no}], default: fail}}",
        "defaults: {retry_policy: {$new: shop_dl.Moment}}",
        "defaults: {retry_policy: [{$new: airflow.sdk.RetryRule, with: {exception: a.B, retry_delay: 5m}}]}",
        "defaults: {weight_rule: {$new: airflow.task.priority_strategy._UpstreamPriorityWeightStrategy}}",
        "defaults: {executor_config: {a: [{$new: shop_dl.Moment}, {$const: {$x: 1}}]}}",
        "params: {a: {$new: airflow.sdk.Param, args: [3], with: {type: integer}}, b: {$const: {type: string}}, c: [1]}",
        "params: {a: {$new: airflow.sdk.Param, with: {default: 3, schema: {type: integer}}}}",
        "params: {a: {type: array, items: {type: string}, contains: {const: x}, default: [x]}}",
    ],
)  # fmt: skip
def test_what_is_right(line: str, tmp_path: Path) -> None:
    assert said(line, tmp_path) == []


REFERENCES = "one of logical_date, queued_at, average_runtime, or a date"
RULES = "write [{exception: package.module.Error, action: fail}], for example"
AVERAGE = "write {average_runtime: {max_runs: 10, min_runs: 5}}"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (deadline(reference="queued"),
         "deadline.reference: must be what the interval begins with, not the text 'queued' | "
         "did you mean 'queued_at'?"),
        (deadline(reference="[1]"),
         f"deadline.reference: must be what the interval begins with, not a list | {REFERENCES}"),
        (deadline(reference="{average: 1}"),
         f"deadline.reference: must be what the interval begins with, not a mapping | {AVERAGE}"),
        (deadline(reference="{average_runtime: {max_runs: 0}}"),
         "deadline.reference.average_runtime.max_runs: must be 1 or more, not 0"),
        (deadline(reference="{average_runtime: {max_run: 3}}"),
         "deadline.reference.average_runtime.max_run: the average has no 'max_run' | did you mean 'max_runs'?"),
        (deadline(reference="{$new: shop_dl.Momen}"),
         "deadline.reference.$new: 'shop_dl' has no class or function 'Momen' | did you mean 'Moment'?"),
        (deadline(reference=""), "deadline: a deadline needs 'reference'"),
        (deadline(interval="soon"), "deadline.interval: must be a duration, not the text 'soon' | "
         "write 90s, 5m, 1h30m, 1d or a number of seconds"),
        (deadline(interval="{var: x}"), "deadline.interval: must be a duration, not a mapping | "
         "write 1h, or {variable: key} for a variable of Airflow that holds seconds"),
        (deadline(interval="99999d"),
         "deadline.interval: is a duration of 99999 days; Airflow can reckon with 36500 at most"),
        (deadline(callback="shop_dl:tol"),
         "deadline.callback: 'shop_dl' has no function 'tol' | did you mean 'told'?"),
        (deadline(callback="shop_dl:late"), "deadline.callback: 'shop_dl:late' takes channel, but a deadline gives it "
         "nothing but its arguments and 'context' | give the others by name: {uses: shop_dl:late, with: {channel: …}}"),
        (deadline(callback="{uses: 'shop_dl:late', with: {channel: a, context: b}}"),
         "deadline.callback.with.context: 'context' is given by Airflow | leave it out"),
        (deadline(callback="{uses: 'shop_dl:late', with: {channel: {$t: x}}}"),
         "deadline.callback.with.channel: Airflow does not render the arguments of a deadline's function | "
         "the function gets the context, or name a notifier"),
        (deadline(callback="{uses: 'shop_dl:late', with: {channel: {$new: shop_dl.Moment}}}"),
         "deadline.callback.with.channel: an object cannot be kept until the deadline | write plain values"),
        (deadline(name="[1]"), "deadline.name: must be text, not a list"),
        (deadline(name="x" * 251), "deadline.name: is 251 characters long; the database takes 250"),
        (deadline(calback="x", callback=""), "deadline: a deadline has no 'calback' | did you mean 'callback'?"),
        ("deadline: 1h", "deadline: must be a deadline, not the text '1h' | "
         "write {reference: queued_at, interval: 1h, callback: module:function}"),
        ("deadline: [{$t: x}]",
         "deadline[0]: a marker such as $t is only read under 'with' | write the value itself"),
        ("defaults: {retry_policy: [{exception: []}]}",
         f"defaults.retry_policy[0].exception: needs at least one error | {RULES}"),
        ("defaults: {retry_policy: [{exception: builtins.int, action: fail}]}",
         "defaults.retry_policy[0].exception: 'builtins.int' is no class of errors"),
        ("defaults: {retry_policy: fail}",
         f"defaults.retry_policy: must be rules for errors, not the text 'fail' | {RULES}"),
        ("defaults: {retry_policy: []}", f"defaults.retry_policy: a retry policy needs at least one rule | {RULES}"),
        ("defaults: {retry_policy: {default: fail}}",
         f"defaults.retry_policy: a retry policy needs a list of 'rules' | {RULES}"),
        ("defaults: {retry_policy: {rules: [{exception: OSError}], other: fail}}",
         f"defaults.retry_policy: a retry policy has no 'other' | {RULES}"),
        ("defaults: {retry_policy: [x]}", f"defaults.retry_policy[0]: must be a rule, not the text 'x' | {RULES}"),
        ("defaults: {retry_policy: [{action: fail}]}",
         f"defaults.retry_policy[0]: a rule needs 'exception', the import path of an error | {RULES}"),
        ("defaults: {retry_policy: [{exception: Away}]}",
         "defaults.retry_policy[0].exception: 'Away' is not the import path of an error | write package.module.Error"),
        ("defaults: {retry_policy: {rules: [{exception: shop_dl.Awy}]}}",
         "defaults.retry_policy.rules[0].exception: 'shop_dl' has no error 'Awy' | did you mean 'Away'?"),
        ("defaults: {retry_policy: [{exception: OSError, action: fial}]}",
         "defaults.retry_policy[0].action: 'fial' is not one of the values it can have | did you mean 'fail'?"),
        ("defaults: {retry_policy: [{exception: OSError, retry_delay: 99999d}]}",
         "defaults.retry_policy[0].retry_delay: is a duration of 99999 days; Airflow can reckon with 36500 at most"),
        ("defaults: {retry_policy: [{exception: OSError, delay: 5m}]}",
         "defaults.retry_policy[0]: a rule has no 'delay' | did you mean 'retry_delay'?"),
        ("defaults: {weight_rule: absolut}",
         "defaults.weight_rule: 'absolut' is not one of the values it can have | did you mean 'absolute'?"),
        ("defaults: {weight_rule: {$x: t}}",
         "defaults.weight_rule: a marker such as $t is only read under 'with' | write the value itself"),
        ("defaults: {executor_config: [1]}", "defaults.executor_config: must be a mapping, not a list"),
        ("defaults: {executor_config: {a: {$t: x}}}",
         "defaults.executor_config.a: a marker such as $t is only read under 'with' of a task | "
         "write the value itself"),
        ("params: [a]", "params: must be a mapping, not a list"),
        ("params: {$new: a.B}", "params: '$new' must stand at a param, not in place of all of them"),
        ("params: {a: {$t: x}}", "params.a: a marker such as $t is only read under 'with' | write the value itself"),
        ("params: {a: [{$t: x}]}", "params.a: a marker such as $t is only read under 'with' | write the value itself"),
        ("params: {a: {$new: airflow.sdk.Param, args: [x], with: {type: integer}}}",
         "params.a: the default does not fit the param's own schema: 'x' is not of type 'integer'"),
        ("params: {a: {$new: shop_dl.Momen}}",
         "params.a.$new: 'shop_dl' has no class or function 'Momen' | did you mean 'Moment'?"),
        ("params: {a: {__type__: airflow.sdk.Param, default: 1, type: integer}}",
         "params.a: '__type__' makes no Python object here | write {default: …, type: …}"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_a_problem_at_its_place(line: str, problem: str, tmp_path: Path) -> None:
    found = said(line, tmp_path)
    assert problem in found
    assert len(found) <= 2
