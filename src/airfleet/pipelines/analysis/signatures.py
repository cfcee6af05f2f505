"""Arguments of functions and classes, read from their source.

A class takes what its constructor takes and, through ``**kwargs``, what its bases take up to BaseOperator.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from airfleet.pipelines.analysis import modules
from airfleet.pipelines.analysis.annotations import kind_in
from airfleet.pipelines.analysis.module_files import Roots
from airfleet.pipelines.analysis.modules import Definition
from airfleet.pipelines.language.kinds import ArgumentKind


@dataclass(frozen=True)
class Signature:
    """The arguments that something takes by name."""

    #: name → whether it must be given
    parameters: Mapping[str, bool]
    #: whether it takes, or may take, others too
    open: bool = False
    #: name → annotation, as it is written
    annotations: Mapping[str, str] = field(default_factory=dict)
    #: the annotation of what a function returns; empty without one
    returns: str = ""

    @functools.cached_property
    def required(self) -> tuple[str, ...]:
        """The names that must be given."""
        return tuple(name for name, needed in self.parameters.items() if needed)

    @functools.cached_property
    def kinds(self) -> Mapping[str, ArgumentKind]:
        """The kind of value of each name, where the annotation says it plainly."""
        return {name: kind for name, annotation in self.annotations.items() if (kind := kind_in(annotation))}


def signature(args: ast.arguments, returns: ast.expr | None = None) -> Signature:
    """Parameters by name; those that come before ``/`` cannot be given by name, so they make it open."""
    without_default = len(args.posonlyargs) + len(args.args) - len(args.defaults)
    names = [*args.posonlyargs, *args.args]
    parameters = {arg.arg: index < without_default for index, arg in enumerate(names)}
    parameters |= {arg.arg: default is None for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)}
    annotated = {arg.arg: ast.unparse(arg.annotation) for arg in (*names, *args.kwonlyargs) if arg.annotation}
    is_open = args.kwarg is not None or bool(args.posonlyargs)
    return Signature(parameters, is_open, annotated, ast.unparse(returns) if returns else "")


@dataclass(frozen=True)
class ClassFacts:
    """Arguments and rendered fields of a class, with its bases."""

    parameters: Mapping[str, bool] = field(default_factory=dict)
    template_fields: tuple[str, ...] | None = ()
    is_operator: bool = False
    open: bool = False
    #: name → annotation, as it is written
    annotations: Mapping[str, str] = field(default_factory=dict)
    #: the names of the class and of all that it comes from, as far as they could be read
    lineage: frozenset[str] = frozenset()
    #: whether it says itself how objects in its fields are rendered
    renders_objects: bool = False


_BASE: Final = ClassFacts(is_operator=True)
_UNKNOWN_BASE: Final = ClassFacts(template_fields=None, open=True)
ROOTS_OF_OPERATORS: Final = ("BaseOperator", "AbstractOperator", "DAGNode")
_WITHOUT_ARGUMENTS: Final = ("object", "ABC", "Generic", "Protocol")


def class_facts(module: str, name: str, roots: Roots, within: frozenset[tuple[str, str]] = frozenset()) -> ClassFacts:
    """Read what the class ``name`` of ``module`` takes; ``within`` are the classes that are being read already."""
    if name in ROOTS_OF_OPERATORS:
        return _BASE
    if name in _WITHOUT_ARGUMENTS or name.endswith(("Mixin", "MixIn")):
        return ClassFacts()
    found = modules.find(module, name, roots)
    if not isinstance(found, Definition) or not isinstance(found.node, ast.ClassDef):
        return replace(_UNKNOWN_BASE, lineage=frozenset({name}))
    here = (found.module, found.node.name)
    if found.node.name in ROOTS_OF_OPERATORS:
        return _BASE
    if here in within:
        return _UNKNOWN_BASE
    inner = within | {here}
    bases = [class_facts(found.module, base_name(base), roots, inner) for base in found.node.bases]
    return ClassFacts(
        parameters=_parameters(found.node, bases),
        template_fields=_template_fields(found, bases, roots, inner),
        is_operator=any(base.is_operator for base in bases),
        open=any(base.open for base in bases) or _takes_unknown(found.node),
        annotations=_annotations(found.node, bases),
        lineage=frozenset({found.node.name}).union(*(base.lineage for base in bases)),
        renders_objects=any(base.renders_objects for base in bases) or _renders_objects(found.node),
    )


def base_name(base: ast.expr) -> str:
    """Give the name of a base of a class, without its type arguments; ``?`` for one that is no name."""
    inner = base.value if isinstance(base, ast.Subscript) else base
    return inner.id if isinstance(inner, ast.Name) else "?"


def _renders_objects(node: ast.ClassDef) -> bool:
    """Tell whether a class overrides Airflow's rendering of objects, as KubernetesPodOperator does."""
    methods = [item.name for item in node.body if isinstance(item, ast.FunctionDef)]
    return "_render_nested_template_fields" in methods


def _init(node: ast.ClassDef) -> ast.FunctionDef | None:
    return next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)


def _takes_unknown(node: ast.ClassDef) -> bool:
    """Class decorators (dataclass, attrs) write constructors that cannot be read."""
    return bool(node.decorator_list) and _init(node) is None


def _parameters(node: ast.ClassDef, bases: list[ClassFacts]) -> dict[str, bool]:
    init = _init(node)
    inherited: dict[str, bool] = {}
    for base in bases:
        inherited = {**base.parameters, **inherited}
    if init is None:
        return inherited
    own = dict(signature(init.args).parameters)
    own.pop(init.args.args[0].arg if init.args.args else "self", None)
    if init.args.kwarg is None:
        return own
    passed = passed_on(init)
    taken = dict.fromkeys(taken_from(init.args.kwarg.arg, init), False)
    return {**{key: needed for key, needed in inherited.items() if key not in passed}, **taken, **own}


def _annotations(node: ast.ClassDef, bases: list[ClassFacts]) -> dict[str, str]:
    """Annotations of the class's own arguments and of inherited ones; an argument taken anew counts as its own."""
    init = _init(node)
    own = signature(init.args) if init else Signature({})
    inherited = {name: written for base in reversed(bases) for name, written in base.annotations.items()}
    return {**{name: one for name, one in inherited.items() if name not in own.parameters}, **own.annotations}


def passed_on(init: ast.FunctionDef) -> set[str]:
    """Return the arguments that ``super().__init__(...)`` is given: nobody else can give them again."""
    return {
        keyword.arg
        for call in ast.walk(init)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"
        for keyword in call.keywords
        if keyword.arg
    }


def taken_from(kwargs: str, init: ast.FunctionDef) -> Iterator[str]:
    """Names looked up in ``**kwargs``: ``kwargs.pop("x")``, ``kwargs.get("x")``, ``kwargs["x"]``, ``"x" in kwargs``."""
    for item in ast.walk(init):
        key: ast.expr | None = None
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute) and _is(item.func.value, kwargs):
            key = item.args[0] if item.args else None
        elif isinstance(item, ast.Subscript) and _is(item.value, kwargs):
            key = item.slice
        elif isinstance(item, ast.Compare) and _is(item.comparators[0], kwargs):
            key = item.left
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _template_fields(
    found: Definition, bases: list[ClassFacts], roots: Roots, within: frozenset[tuple[str, str]]
) -> tuple[str, ...] | None:
    assert isinstance(found.node, ast.ClassDef)
    value = _assigned_fields(found.node)
    if _changes_fields(found.node):
        return None
    if value is None:
        return next((base.template_fields for base in bases if base.template_fields != ()), ())

    def of_class(name: str) -> tuple[str, ...] | None:
        return class_facts(found.module, name, roots, within).template_fields

    return _evaluated(value, of_class)


def _assigned_fields(node: ast.ClassDef) -> ast.expr | None:
    for item in node.body:
        target = (
            item.targets[0]
            if isinstance(item, ast.Assign)
            else item.target
            if isinstance(item, ast.AnnAssign)
            else None
        )
        if (
            isinstance(target, ast.Name)
            and target.id == "template_fields"
            and isinstance(item, (ast.Assign, ast.AnnAssign))
        ):
            return item.value
    return None


def _changes_fields(node: ast.ClassDef) -> bool:
    """Tell whether the fields are changed after they are assigned, in the class or by its constructor."""
    for item in ast.walk(node):
        if isinstance(item, ast.Attribute) and item.attr == "template_fields" and isinstance(item.ctx, ast.Store):
            return True
        if isinstance(item, ast.Attribute) and _is(item.value, "template_fields"):
            return True
    return False


_OfClass: TypeAlias = Callable[[str], tuple[str, ...] | None]


def _evaluated(value: ast.expr, of_class: _OfClass) -> tuple[str, ...] | None:
    """List the strings of a tuple, list or set display; sums, unions and ``Base.template_fields`` are followed."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return (value.value,)
    if isinstance(value, ast.Attribute) and value.attr == "template_fields" and isinstance(value.value, ast.Name):
        return of_class(value.value.id)
    parts: list[ast.expr] = []
    if isinstance(value, (ast.Tuple, ast.List, ast.Set)):
        parts = value.elts
    elif isinstance(value, ast.Starred):
        parts = [value.value]
    elif isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.BitOr)):
        parts = [value.left, value.right]
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in _COLLECTIONS:
        parts = value.args
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "union":
        parts = [value.func.value, *value.args]
    else:
        return None
    inner = [_evaluated(part, of_class) for part in parts]
    return None if None in inner else tuple(name for names in inner if names for name in names)


_COLLECTIONS: Final = ("tuple", "list", "set", "sorted", "frozenset")
