"""Objects to make (``$new``): their class or function, its arguments, and what of them Airflow renders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from airfleet.pipelines.analysis.annotations import kind_in, words_in
from airfleet.pipelines.analysis.constructors import ConstructorArguments, Maker
from airfleet.pipelines.analysis.enums import texts_of
from airfleet.pipelines.analysis.modules import MissingDefinition
from airfleet.pipelines.checks.check_context import MARKERS, Checking, markers_in, not_found, objects_in
from airfleet.pipelines.checks.limits import duration_misfit
from airfleet.pipelines.language.spec import Const, JinjaText, NewObject, Task, Value, XCom
from airfleet.pipelines.language.values import FUNCTION, misfit
from airfleet.pipelines.upgrade import imports
from airfleet.problem_codes import Code
from airfleet.yaml.durations import parse_duration


def check_objects(value: Value, path: str, checking: Checking) -> None:
    """Note every problem of the objects in ``value``."""
    for at, made in objects_in(value, path):
        _check_object(made, at, checking)


def _check_object(made: NewObject, path: str, checking: Checking) -> None:
    if wrong := imports.gone(made.path):
        checking.problem(f"{path}.$new", *wrong, code=Code.OPERATOR_GONE)
        return
    before = len(checking.problems)
    found = checking.installed.maker(imports.now(made.path))
    if isinstance(found, MissingDefinition):
        sentence, hint = not_found(found, "class or function", checking.hints)
        checking.problem(f"{path}.$new", sentence, imports.renamed(made.path) or hint, Code.NAME_NOT_FOUND)
    elif isinstance(found, Maker) and found.takes is not None:
        if not {f"{path}.args", f"{path}.with"} & checking.wrong:
            _check_names(made, found.takes, path, checking)
        for at, name, item in _named(made, found.takes, path):
            check_value(item, name, found.takes, at, checking)
    if len(checking.problems) == before and (refused := _refused(made)):
        checking.problem(path, refused, code=Code.REFUSED_VALUE)


def is_another_class(path: str, part: str, checking: Checking) -> bool:
    """Tell whether a path surely names a class that neither is called by ``part`` nor comes from one that is."""
    found = checking.installed.maker(imports.now(path))
    if not isinstance(found, Maker) or not (found.is_class and found.is_known):
        return False
    return not any(part in name for name in found.lineage)


def check_kind(value: Value, part: str, what: str, path: str, checking: Checking) -> None:
    """Note an object of a class that is not of the kind which Airflow takes here."""
    if isinstance(value, NewObject) and is_another_class(value.path, part, checking):
        checking.problem(f"{path}.$new", f"'{value.path}' is no {what}", code=Code.ARGUMENT_TYPE)


#: classes that can be tried: they do nothing else
_TRIED: Final[Mapping[str, Callable[..., object]]] = {
    f"datetime.{cls.__name__}": cls for cls in (dt.date, dt.datetime, dt.time, dt.timedelta)
}


def _refused(made: NewObject) -> str | None:
    """Say what a class of moments and lengths has against its arguments."""
    cls = _TRIED.get(made.path)
    if cls is None or any(isinstance(value, (*MARKERS, NewObject)) for _, value in made.parts("")):
        return None
    try:
        cls(*made.args, **made.kwargs)
    except (TypeError, ValueError, OverflowError) as error:
        return f"{made.path.rpartition('.')[2]} refuses its arguments: {error}"
    return None


def _check_names(made: NewObject, takes: ConstructorArguments, path: str, checking: Checking) -> None:
    name = made.path.rpartition(".")[2]
    unknown = [] if takes.open else [given for given in made.kwargs if given not in takes.annotations]
    slips = {checking.hints.nearest(given, takes.annotations) for given in unknown}
    for given in unknown:
        hint = checking.hints.did_you_mean(given, takes.annotations) or _all_of(takes)
        checking.problem(f"{path}.with.{given}", f"{name} takes no argument '{given}'", hint, Code.ARGUMENT_NOT_TAKEN)
    if takes.several is None and len(made.args) > len(takes.by_place):
        sentence = f"{name} takes {len(takes.by_place)} arguments by their place, not {len(made.args)}"
        checking.problem(f"{path}.args", sentence, _all_of(takes), Code.ARGUMENT_NOT_TAKEN)
    by_place = takes.by_place[: len(made.args)]
    for twice in [given for given in by_place if given in made.kwargs]:
        sentence = f"'{twice}' is given twice: it is among 'args', too"
        checking.problem(f"{path}.with.{twice}", sentence, code=Code.ARGUMENT_NOT_TAKEN)
    for missing in takes.required:
        if missing not in made.kwargs and missing not in by_place and missing not in slips:
            hint = "write it under 'with' beside $new"
            checking.problem(path, f"{name} needs '{missing}'", hint, Code.ARGUMENT_MISSING)


def _all_of(takes: ConstructorArguments) -> str:
    names = list(takes.annotations)
    if not names:
        return "it takes none"
    return f"it takes {', '.join(names[:_MOST_NAMES])}{', …' if len(names) > _MOST_NAMES else ''}"


_MOST_NAMES: Final = 12


def _named(made: NewObject, takes: ConstructorArguments, path: str) -> Iterator[tuple[str, str, Value]]:
    """Yield path, name and value of each argument whose name is known."""
    for index, (name, value) in enumerate(zip(takes.by_place, made.args, strict=False)):
        yield f"{path}.args[{index}]", name, value
    for name, value in made.kwargs.items():
        yield f"{path}.with.{name}", name, value


def check_value(value: Value, name: str, takes: ConstructorArguments, path: str, checking: Checking) -> None:
    """Note a literal that cannot be what the annotation of an argument asks for."""
    annotation = takes.annotations.get(name, "")
    if value is None or not annotation or isinstance(value, (*MARKERS, NewObject, dt.timedelta)):
        return
    kind = kind_in(annotation)
    if kind == "function":
        check_function(value, path, checking)
        return
    texts = texts_of(annotation, takes.modules.get(name, ""), checking.installed.roots)
    if texts is not None and not isinstance(value, (tuple, Mapping)) and value not in texts:
        hint = checking.hints.did_you_mean(str(value), texts) or f"one of {', '.join(texts)}"
        checking.problem(path, f"'{value}' is not one of the values it can have", hint, Code.NOT_A_CHOICE)
        return
    wrong = misfit(value, kind) if kind is not None else None
    if wrong is None and "timedelta" in words_in(annotation) and isinstance(value, str):
        wrong = duration_misfit(value) if parse_duration(value) is not None else None
    if wrong:
        checking.problem(path, wrong, code=Code.ARGUMENT_TYPE)


def check_function(value: Value, path: str, checking: Checking) -> None:
    """Note a text that names no function, or one that is not there."""
    if not isinstance(value, str) or not FUNCTION.fullmatch(value):
        checking.problem(path, "must be the name of a function", "write module:function", Code.FUNCTION_NAME)
        return
    module, _, name = value.partition(":")
    found = checking.installed.function(module, name)
    if isinstance(found, MissingDefinition):
        checking.problem(path, *not_found(found, "function", checking.hints), code=Code.NAME_NOT_FOUND)


def check_plain_objects(value: Value, path: str, checking: Checking) -> None:
    """Note what is wrong with objects outside ``with``, where nothing is rendered."""
    check_objects(value, path, checking)
    for at, marker in markers_in(value, path):
        if isinstance(marker, Const):
            continue
        sentence = "a marker such as $t is only read under 'with' of a task"
        checking.problem(at, sentence, "write the value itself", Code.MARKER_PLACE)


# --- what is rendered


def must_be_rendered(value: Value) -> bool:
    """Tell whether an argument holds markers that only an operator which renders it can take.

    The text of a file inside an object is no such marker: it is there when the object is made.
    """
    if isinstance(value, NewObject):
        return any(isinstance(marker, (JinjaText, XCom)) for _, marker in markers_in(value, ""))
    if isinstance(value, dict):
        return any(must_be_rendered(item) for item in value.values())
    if isinstance(value, tuple):
        return any(must_be_rendered(item) for item in value)
    return isinstance(value, MARKERS) and not isinstance(value, Const)


def check_rendered_objects(task: Task, renders_objects: bool, checking: Checking) -> None:
    """Note ``$t`` and ``$x`` in objects whose class does not have Airflow render them.

    Airflow renders the attributes that a class names in ``template_fields``. Operators with ``renders_objects`` know
    more classes.
    """
    for path, made in objects_in(task.args, f"{task.path}.with") if not renders_objects else ():
        found = checking.installed.maker(imports.now(made.path))
        if isinstance(found, Maker) and found.template_fields is not None:
            _check_markers(made, found, path, checking)


def _check_markers(made: NewObject, found: Maker, path: str, checking: Checking) -> None:
    fields, name = found.template_fields or frozenset(), made.path.rpartition(".")[2]
    by_place = found.takes.by_place if found.takes else ()
    placed = {f"{path}.args[{index}]": given for index, given in enumerate(by_place)}
    for at, value in made.parts(path):
        argument = placed.get(at) or at.removeprefix(f"{path}.with.")
        if argument not in fields and (marker := rendered_marker(value, at)):
            hint = f"{name} has {', '.join(sorted(fields))} rendered" if fields else "make it of values that are known"
            sentence = f"Airflow does not render '{argument}' of {name}, so it takes no marker"
            checking.problem(marker, sentence, hint, Code.MARKER_PLACE)


def rendered_marker(value: Value, path: str) -> str | None:
    """Find the first ``$t`` or ``$x`` in a value, but for those in objects of their own."""
    if isinstance(value, dict):
        found = (rendered_marker(item, f"{path}.{key}") for key, item in value.items())
        return next(filter(None, found), None)
    if isinstance(value, tuple):
        found = (rendered_marker(item, f"{path}[{index}]") for index, item in enumerate(value))
        return next(filter(None, found), None)
    return path if isinstance(value, (JinjaText, XCom)) else None
