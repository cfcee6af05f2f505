"""Callbacks, functions, classes and documents outside ``with`` are there, and can be what they are named as."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check

STEPS = """
from airflow.sdk import BaseNotifier

def told(context): ...
def two(context, channel, pause=None): ...
def typed(context, n: int, names: list[str] = ()): ...
def after(context, result): ...
def up(x): ...

class Mail(BaseNotifier):
    template_fields = ("text", "to")
    def __init__(self, text, to=(), pause: timedelta = None, **kwargs):
        super().__init__(**kwargs)

class Thing: ...
"""


def said(line: str, folder: Path) -> list[str]:
    (folder / "shop_cb.py").write_text(STEPS)
    (folder / "doc.md").write_text("# Loads the shops")
    file = folder / "p.yaml"
    tasks = "" if "tasks:" in line else "tasks: [{id: t}]\n"
    file.write_text(f"dag_id: d\n{line}\n{tasks}")
    problems = read_and_check(file, environ={}).problems
    return [f"{p.path}: {p.sentence}" + (f" | {p.hint}" if p.hint else "") for p in problems]


@pytest.mark.parametrize(
    "line",
    [
        "on_failure_callback: [shop_cb:told, {uses: 'shop_cb:two', with: {channel: {$t: '{{ ds }}'}}}]",
        "on_failure_callback: {uses: shop_cb.Mail, with: {text: {$t: '{{ exception }}'}, to: [a], pause: 5m}}",
        "on_failure_callback: {uses: airflow.providers.smtp.notifications.smtp.SmtpNotifier, with: {to: a@b.c}}",
        "on_failure_callback: {$new: shop_cb.Mail, args: [x]}",
        "defaults: {on_retry_callback: {uses: shop_cb.told}, pre_execute: 'shop_cb:told'}",
        "defaults: {post_execute: 'shop_cb:after'}",
        "user_defined_macros: {up: 'shop_cb:up', thing: {$new: shop_cb.Thing}}\n"
        "user_defined_filters: {shout: 'shop_cb:up'}\n"
        "tasks: [{id: t, uses: bash, with: {bash_command: {$t: '{{ up(ds) | shout }}{{ thing }}'}}}]",
        "template_undefined: jinja2.ChainableUndefined",
        "doc_md: {$f: doc.md}",
        "defaults: {doc_rst: {$f: doc.md}}",
    ],
)  # fmt: skip
def test_what_is_right(line: str, tmp_path: Path) -> None:
    assert said(line, tmp_path) == []


BAD = [
    ("on_failure_callback: shop_cb:tol", "on_failure_callback",
     "'shop_cb' has no function 'tol' | did you mean 'told'?"),
    ("on_failure_callback: shop_cb:two", "on_failure_callback",
     "'shop_cb:two' takes context, channel, but a callback is given the context alone | "
     "give the others by name: {uses: shop_cb:two, with: {channel: …}}"),
    ("on_failure_callback: {uses: 'shop_cb:two', with: {chanel: 1}}", "on_failure_callback.with.chanel",
     "'shop_cb:two' takes no argument 'chanel' | did you mean 'channel'?"),
    ("on_failure_callback: {uses: 'shop_cb:two', with: {pause: 1}}", "on_failure_callback",
     "'shop_cb:two' needs 'channel' | write it under 'with' of the callback"),
    ("on_failure_callback: {uses: 'shop_cb:two', with: {channel: 1, context: 1}}", "on_failure_callback.with.context",
     "'context' is given by Airflow | leave it out"),
    ("on_failure_callback: {uses: 'shop_cb:typed', with: {n: a}}", "on_failure_callback.with.n",
     "must be a whole number, not text"),
    ("on_failure_callback: {uses: 'shop_cb:typed', with: {n: 1, names: [a, {b: c}]}}",
     "on_failure_callback.with.names[1]", "must be text, not a mapping"),
    ("on_failure_callback: {uses: 'shop_cb:two', with: {channel: {$x: t}}}", "on_failure_callback.with.channel",
     "a callback has no upstream tasks, so it takes no $x | "
     "the function can ask for it: context['ti'].xcom_pull(task_ids=…)"),
    ("on_failure_callback: {uses: 'shop_cb:two', with: {channel: {$t: '{{ d }}'}}}", "on_failure_callback.with.channel",
     "templates have no 'd' | did you mean 'ds'?"),
    ("on_failure_callback: {uses: 'shop_cb:two', with: {channel: {$f: no.txt}}}", "on_failure_callback.with.channel",
     "there is no file 'no.txt'"),
    ("on_failure_callback: {uses: 'shop_cb:two', with: {channel: {$new: shop_cb.Thin}}}",
     "on_failure_callback.with.channel.$new", "'shop_cb' has no class or function 'Thin' | did you mean 'Thing'?"),
    ("on_failure_callback: [{uses: shop_cb.Thing}]", "on_failure_callback[0].uses",
     "'shop_cb:Thing' is a class, and a callback is a function | "
     "write a function that takes the context, and name that"),
    ("on_failure_callback: shop_cb:Mail", "on_failure_callback",
     "'shop_cb:Mail' is a notifier that needs 'text' | write {uses: shop_cb:Mail, with: {text: …}}"),
    ("on_failure_callback: {uses: shop_cb.Mail, with: {tex: a}}", "on_failure_callback.with.tex",
     "'shop_cb:Mail' takes no argument 'tex' | did you mean 'text'?"),
    ("on_failure_callback: {uses: shop_cb.Mail, with: {text: a, pause: x}}", "on_failure_callback.with.pause",
     "must be a duration such as 90s, 5m or 1h30m, not 'x'"),
    ("on_failure_callback: {uses: shop_cb.Mail, with: {text: a, pause: {$t: x}}}", "on_failure_callback.with.pause",
     "the notifier does not render 'pause', so it takes no marker | it has text, to rendered"),
    ("on_failure_callback: {uses: no_such.Mail}", "on_failure_callback.uses", "there is no module 'no_such'"),
    ("on_failure_callback: {with: {x: 5}}", "on_failure_callback",
     "a callback needs 'uses', a function or the class of a notifier | write {uses: module:function}"),
    ("on_failure_callback: {callback: a.b, x: 1}", "on_failure_callback",
     "a callback needs 'uses', a function or the class of a notifier | write {uses: a.b, with: {x: …}}"),
    ("on_failure_callback: {__type__: a.B, x: 1}", "on_failure_callback",
     "a callback needs 'uses', a function or the class of a notifier | write {uses: a.B, with: {x: …}}"),
    ("on_failure_callback: {uses: told}", "on_failure_callback.uses",
     "'told' is not the name of a function or class | write module:function, or the import path of a notifier's class"),
    ("on_failure_callback: {uses: [a]}", "on_failure_callback.uses",
     "must be the name of a function or class | write module:function, or the import path of a notifier's class"),
    ("on_failure_callback: {uses: 'shop_cb:told', text: 1}", "on_failure_callback",
     "a callback has no 'text', only 'uses' and 'with' | write with: {text: …}"),
    ("on_failure_callback: {uses: 'shop_cb:told', with: [1]}", "on_failure_callback.with",
     "must be a mapping of arguments"),
    ("on_failure_callback: [shop_cb:told, [a]]", "on_failure_callback[1]", "must be text, not a list"),
    ("on_failure_callback: {$t: x}", "on_failure_callback",
     "a marker such as $t is only read under 'with' | write the value itself"),
    ("defaults: {pre_execute: [shop_cb:told]}", "defaults.pre_execute",
     "takes one function, not a list | let it call the others"),
    ("defaults: {post_execute: shop_cb:told}", "defaults.post_execute",
     "'shop_cb:told' takes context, but it is given the context and the result | write def told(context, result)"),
    ("user_defined_macros: {up: 'shop_cb:u'}", "user_defined_macros.up",
     "'shop_cb' has no function 'u' | did you mean 'up'?"),
    ("user_defined_macros: {up: shop_cb.up}", "user_defined_macros.up",
     "'shop_cb.up' is not the name of a function | write shop_cb:up"),
    ("user_defined_macros: {1a: 'shop_cb:up'}", "user_defined_macros.1a",
     "Jinja has no name '1a' | a name has letters, digits and underscores"),
    ("user_defined_filters: [up]", "user_defined_filters",
     "must be a mapping from names to functions | write {name: module:function}"),
    ("user_defined_macros: {a: {$new: shop_cb.Thing, args: [{$f: doc.md}]}}", "user_defined_macros.a.args",
     "Thing takes 0 arguments by their place, not 1 | it takes none"),
    ("template_undefined: jinja2.Undefine", "template_undefined",
     "'jinja2' has no class 'Undefine' | did you mean 'Undefined'?"),
    ("template_undefined: shop_cb.Thing", "template_undefined",
     "'shop_cb.Thing' is not a class of undefined names | write jinja2.Undefined, for example"),
    ("template_undefined: strict", "template_undefined",
     "'strict' is not the import path of a class or function | write package.module.Class, for example"),
    ("doc_md: {$f: dok.md}", "doc_md", "there is no file 'dok.md' | did you mean 'doc.md'?"),
    ("doc_md: {$t: x}", "doc_md", "takes a text, or {$f: path} for the text of a file"),
    ("doc_md: [x]", "doc_md", "must be text, not a list"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "path", "problem"), BAD)
def test_what_is_wrong_is_a_problem_at_its_place(line: str, path: str, problem: str, tmp_path: Path) -> None:
    assert f"{path}: {problem}" in said(line, tmp_path)
    assert len(said(line, tmp_path)) <= 2


def test_names_of_templates_are_known_with_those_of_the_pipeline(tmp_path: Path) -> None:
    task = "{id: t, uses: bash, with: {bash_command: {$t: '{{ shop }}'}}}"
    line = f"user_defined_macros: {{shops: 'shop_cb:up'}}\ntasks: [{task}]"
    assert said(line, tmp_path) == ["tasks.t.with.bash_command: templates have no 'shop' | did you mean 'shops'?"]
