"""Callbacks: whether the function or notifier is there, and takes the context and its arguments.

Airflow calls a function with the context; a notifier's class is made with its arguments first, and then called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airfleet.pipelines.analysis.annotated_values import misfit
from airfleet.pipelines.analysis.constructors import ConstructorArguments, Maker
from airfleet.pipelines.analysis.modules import MissingDefinition
from airfleet.pipelines.checks.check_context import Checking, markers_in, not_found
from airfleet.pipelines.checks.named.objects import check_objects, check_value, rendered_marker
from airfleet.pipelines.checks.named.texts import check_file, check_jinja
from airfleet.pipelines.language.spec import CallableRef, Callback, FileText, JinjaText, NewObject, Value, XCom
from airfleet.problem_codes import Code


@dataclass(frozen=True)
class Given:
    """The arguments that Airflow gives to a function."""

    by_place: tuple[str, ...]
    by_name: frozenset[str]
    sentence: str


CALLBACK: Final = Given(("context",), frozenset(), "a callback is given the context alone")
AFTER_A_TASK: Final = Given(("context", "result"), frozenset(), "it is given the context and the result")
OF_A_DEADLINE: Final = Given((), frozenset({"context"}), "a deadline gives it nothing but its arguments and 'context'")


def check_callback(value: Value, path: str, checking: Checking, given: Given = CALLBACK) -> None:
    """Note every problem of one callback, which Airflow calls with what ``given`` says."""
    if isinstance(value, NewObject):
        check_objects(value, path, checking)
    if isinstance(value, str):
        value = Callback(CallableRef(*value.split(":", 1)))
        _check_called(value, path, path, checking, given)
    elif isinstance(value, Callback):
        _check_arguments(value, path, checking)
        _check_called(value, path, f"{path}.uses", checking, given)


def _check_arguments(callback: Callback, path: str, checking: Checking) -> None:
    check_objects(callback.args, f"{path}.with", checking)
    for at, marker in markers_in(callback.args, f"{path}.with"):
        if isinstance(marker, XCom):
            hint = "the function can ask for it: context['ti'].xcom_pull(task_ids=…)"
            checking.problem(at, "a callback has no upstream tasks, so it takes no $x", hint, Code.MARKER_PLACE)
        elif isinstance(marker, JinjaText):
            check_jinja(marker, at, checking)
        elif isinstance(marker, FileText):
            check_file(marker, at, checking)


def _check_called(callback: Callback, path: str, at: str, checking: Checking, given: Given) -> None:
    uses = callback.uses
    missing = checking.installed.function(uses.module, uses.function)
    if isinstance(missing, MissingDefinition):
        checking.problem(at, *not_found(missing, "function", checking.hints), code=Code.NAME_NOT_FOUND)
        return
    found = checking.installed.maker(f"{uses.module}.{uses.function}")
    if not isinstance(found, Maker):
        return
    if found.is_class:
        _check_notifier(callback, found, path, at, checking)
    elif found.takes is not None:
        _check_function(callback, found.takes, path, at, checking, given)


def _check_function(
    callback: Callback, takes: ConstructorArguments, path: str, at: str, checking: Checking, given: Given
) -> None:
    written, by_airflow = callback.uses.written, takes.by_place[: len(given.by_place)]
    by_others = {*by_airflow, *given.by_name, *callback.args}
    missing = [name for name in takes.required if name not in by_others]
    if (len(by_airflow) < len(given.by_place) and takes.several is None) or (missing and not callback.args):
        named = ", ".join([*by_airflow, *missing]) or "nothing"
        hint = f"write def {callback.uses.function}({', '.join(given.by_place)})"
        if missing and len(by_airflow) == len(given.by_place):
            hint = f"give the others by name: {_with(callback, missing)}"
        checking.problem(at, f"'{written}' takes {named}, but {given.sentence}", hint, Code.CALLBACK)
        return
    for name in [name for name in callback.args if name in by_airflow or name in given.by_name]:
        sentence = f"'{name}' is given by Airflow"
        checking.problem(f"{path}.with.{name}", sentence, "leave it out", Code.ARGUMENT_NOT_TAKEN)
    _check_names(callback, takes, missing, path, checking)
    for name, value in callback.args.items():
        found = misfit(value, takes.annotations.get(name, ""))
        if found is not None and found.is_clear:
            at = f"{path}.with.{name}{found.path}"
            checking.problem(at, f"must be {found.wanted}, not {found.shape}", found.hint, Code.ARGUMENT_TYPE)


def _with(callback: Callback, names: list[str]) -> str:
    return f"{{uses: {callback.uses.written}, with: {{{', '.join(f'{name}: …' for name in names)}}}}}"


def _check_names(
    callback: Callback, takes: ConstructorArguments, missing: list[str], path: str, checking: Checking
) -> None:
    written = callback.uses.written
    unknown = [] if takes.open else [name for name in callback.args if name not in takes.annotations]
    slips = {checking.hints.nearest(name, takes.annotations) for name in unknown}
    for name in unknown:
        hint = checking.hints.did_you_mean(name, takes.annotations)
        sentence = f"'{written}' takes no argument '{name}'"
        checking.problem(f"{path}.with.{name}", sentence, hint, Code.ARGUMENT_NOT_TAKEN)
    for name in missing:
        if name not in slips:
            hint = "write it under 'with' of the callback"
            checking.problem(path, f"'{written}' needs '{name}'", hint, Code.ARGUMENT_MISSING)


def _check_notifier(callback: Callback, found: Maker, path: str, at: str, checking: Checking) -> None:
    written = callback.uses.written
    if not any(base.endswith("Notifier") for base in found.lineage):
        hint = "write a function that takes the context, and name that"
        checking.problem(at, f"'{written}' is a class, and a callback is a function", hint, Code.CALLBACK)
        return
    for name, value in callback.args.items():
        _check_rendered(name, value, found, f"{path}.with.{name}", checking)
    takes = found.takes
    if takes is None:
        return
    missing = [name for name in takes.required if name not in callback.args]
    if missing and not callback.args:
        sentence = f"'{written}' is a notifier that needs {', '.join(map(repr, missing))}"
        checking.problem(at, sentence, f"write {_with(callback, missing)}", Code.CALLBACK)
        return
    _check_names(callback, takes, missing, path, checking)
    for name, value in callback.args.items():
        check_value(value, name, takes, f"{path}.with.{name}", checking)


def _check_rendered(name: str, value: Value, found: Maker, path: str, checking: Checking) -> None:
    fields = found.template_fields
    if fields is not None and name not in fields and (at := rendered_marker(value, path)):
        hint = f"it has {', '.join(sorted(fields))} rendered" if fields else "make it of values that are known"
        sentence = f"the notifier does not render '{name}', so it takes no marker"
        checking.problem(at, sentence, hint, Code.MARKER_PLACE)
