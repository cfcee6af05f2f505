"""Objects of classes, and the results of functions, that a pipeline names with ``$new``: made when the Dag is built."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

from airfleet.errors import did_you_mean
from airfleet.pipelines.airflow.build_context import RAISED, BuildContext, mentioned, said_by
from airfleet.pipelines.airflow.operator_classes import NotImported, annotation, imported
from airfleet.pipelines.analysis.annotations import words_in
from airfleet.pipelines.checks.check_context import objects_in
from airfleet.pipelines.checks.named.objects import rendered_marker
from airfleet.pipelines.language.spec import NewObject, Value
from airfleet.problem_codes import Code

#: (value, annotation, path, whether it is guarded from rendering) -> what the class or function is given
Lower: TypeAlias = Callable[[Value, str, str, bool], Any]
#: Airflow renders all that is in these, and in what is made of them, such as Docker's Mount
_RENDERED_COLLECTIONS: Final = (dict, list, set, tuple)
#: a template, or the path of a file that operators read as one
_TEMPLATE: Final = re.compile(r"\{[{%#]|\.\w+$")


def make(made: NewObject, path: str, context: BuildContext, lower: Lower) -> Any:
    """Make an object; None when that fails, with a problem at ``path`` or below it."""
    found = _callable_at(made.path, f"{path}.$new", context)
    if found is None:
        return None
    before = len(context.problems)
    takes = _parameters(found, len(made.args))
    args = [
        lower(member(value, written, found), written, f"{path}.args[{index}]", _is_guarded(name, value, found))
        for index, ((name, written), value) in enumerate(zip(takes.by_place, made.args, strict=True))
    ]
    kwargs = {
        name: lower(member(value, written, found), written, f"{path}.with.{name}", _is_guarded(name, value, found))
        for name, value in made.kwargs.items()
        for written in [takes.by_name.get(name, "")]
    }
    if len(context.problems) > before:
        return None
    try:
        return found(*args, **kwargs)
    except RAISED as error:  # any class may raise anything at its user
        name = mentioned(error, made.kwargs)
        context.wrong(f"{path}.with.{name}" if name else path, said_by(error, made.path.rpartition(".")[2]))
        return None


def member(value: Any, annotation: str, found: Callable[..., Any]) -> Any:
    """Give the member of the enumeration that the annotation of an argument names; else the value itself."""
    words = words_in(annotation)
    if not isinstance(value, str) or len(words) != 1:
        return value
    for owner in inspect.getmro(found) if isinstance(found, type) else (found,):
        module = sys.modules.get(getattr(owner, "__module__", ""))
        named = getattr(module, next(iter(words)), None)
        if isinstance(named, type) and issubclass(named, Enum) and value in [one.value for one in named]:
            return named(value)
    return value


def _callable_at(written: str, path: str, context: BuildContext) -> Callable[..., Any] | None:
    try:
        found = _imported(written)
    except NotImported as error:
        context.wrong(path, error.sentence, error.hint, Code.NOT_IMPORTED)
        return None
    if callable(found):
        return found
    sentence = f"'{written}' is not a class or function, but {type(found).__name__}"
    context.wrong(path, sentence, code=Code.NAME_NOT_FOUND)
    return None


def _imported(path: str) -> object:
    """Import a class or function, or a method of a class. Raises NotImported."""
    try:
        return imported(path)
    except NotImported:
        module, _, name = path.rpartition(".")
        if not module.rpartition(".")[2].lstrip("_")[:1].isupper():
            raise
    cls = imported(module)
    if not hasattr(cls, name):
        raise NotImported(f"'{module}' has no '{name}'", did_you_mean(name, dir(cls)))
    return getattr(cls, name)


@dataclass(frozen=True)
class _Parameters:
    """Annotations of what a class or function takes: by name, and of each place as far as the arguments go."""

    by_name: Mapping[str, str]
    #: (name, annotation); the name of ``*names`` is empty
    by_place: tuple[tuple[str, str], ...]


def _parameters(found: Callable[..., Any], places: int) -> _Parameters:
    try:
        parameters = tuple(inspect.signature(found).parameters.values())
    except (TypeError, ValueError):  # those written in C may have none that can be read
        parameters = ()
    by_name = {p.name: annotation(p) for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    placed = [(p.name, annotation(p)) for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    others = next((annotation(p) for p in parameters if p.kind is p.VAR_POSITIONAL), "")
    return _Parameters(by_name, tuple([*placed, *[("", others)] * places][:places]))


def parameters(found: Callable[..., Any]) -> Mapping[str, str]:
    """Names and annotations of what a class or function takes by name."""
    return _parameters(found, 0).by_name


def template_fields(found: Callable[..., Any]) -> frozenset[str]:
    """List the attributes of the objects of a class that Airflow renders; a function may make anything."""
    fields = getattr(found, "template_fields", ()) if isinstance(found, type) else ()
    return frozenset([fields] if isinstance(fields, str) else fields)


def _is_collection(found: Callable[..., Any]) -> bool:
    return isinstance(found, type) and issubclass(found, _RENDERED_COLLECTIONS)


def _is_guarded(name: str, value: Value, found: Callable[..., Any]) -> bool:
    """Tell whether the literals of an argument are guarded from Airflow's rendering.

    The constructor of a collection looks at its arguments: it is given plain ones wherever rendering changes nothing.
    """
    return _may_be_template(value) if _is_collection(found) else name in template_fields(found)


def _may_be_template(value: Value) -> bool:
    if isinstance(value, Mapping):
        return any(map(_may_be_template, value.values()))
    if isinstance(value, tuple):
        return any(map(_may_be_template, value))
    return isinstance(value, str) and _TEMPLATE.search(value) is not None


def check_rendered(args: Mapping[str, Value], path: str, context: BuildContext) -> None:
    """Note ``$t`` and ``$x`` in objects whose class does not have Airflow render them."""
    for at, made in objects_in(dict(args), path):
        found = _callable_at(made.path, f"{at}.$new", context)
        if not isinstance(found, type) or _is_collection(found):
            continue
        rendered = template_fields(found)
        names = [*(name for name, _ in _parameters(found, len(made.args)).by_place), *made.kwargs]
        for name, (inner, value) in zip(names, made.parts(at), strict=True):
            if name not in rendered and (marker := rendered_marker(value, inner)):
                sentence = f"Airflow does not render '{name}' of {found.__name__}, so it takes no marker"
                context.wrong(marker, sentence, code=Code.MARKER_PLACE)
