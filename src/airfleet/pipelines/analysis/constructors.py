"""Arguments of classes and functions that are called to make an object, read from their source.

A class takes what its constructor takes (``__init__``, or else ``__new__``), and through ``**kwargs`` what its bases
take; attrs and dataclass make a constructor of the fields.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from airfleet.pipelines.analysis import modules
from airfleet.pipelines.analysis.module_files import Roots
from airfleet.pipelines.analysis.modules import UNKNOWN, Definition, MissingDefinition, Unknown
from airfleet.pipelines.analysis.signatures import class_facts, passed_on, taken_from


@dataclass(frozen=True)
class ConstructorArguments:
    """The arguments of a class or function, by name."""

    #: name -> annotation
    annotations: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    #: whether it takes, or may take, others too
    open: bool = False
    #: the names that arguments without a name are for, in order
    by_place: tuple[str, ...] = ()
    #: the name of ``*args``, which takes all others
    several: str | None = None
    #: name -> the module in which its annotation is written
    modules: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Maker:
    """The class or function at an import path, as far as it can be read."""

    #: None when it cannot be known
    takes: ConstructorArguments | None
    #: the attributes of its objects that Airflow renders; None when that cannot be known
    template_fields: frozenset[str] | None = None
    is_class: bool = False
    #: the names of a class and of all that it comes from
    lineage: frozenset[str] = frozenset()
    #: whether all that a class comes from could be read
    is_known: bool = False
    #: whether it is a coroutine function, or a notifier that has a part for the triggerer
    is_async: bool = False


def maker(path: str, roots: Roots = ()) -> Maker | MissingDefinition | Unknown:
    """Find the class, function or method at an import path."""
    module, _, name = path.rpartition(".")
    found = modules.find(module, name, roots)
    if not isinstance(found, Definition):
        is_certain = isinstance(found, MissingDefinition) and bool(found.name or found.broken)
        return found if is_certain or not _names_class(module) else _method(module, name, roots)
    takes = taken(found, roots)
    if not isinstance(found.node, ast.ClassDef):
        return Maker(takes, is_async=isinstance(found.node, ast.AsyncFunctionDef))
    facts = class_facts(found.module, found.node.name, roots)
    fields = None if facts.template_fields is None else frozenset(facts.template_fields)
    is_async = _has_method(found, "async_notify", roots)
    return Maker(takes, fields, True, facts.lineage, not facts.open, is_async)


def _has_method(found: Definition, name: str, roots: Roots, depth: int = 0) -> bool:
    """Tell whether a class has a method, itself or from what it comes from, Airflow's own base class left out."""
    node = found.node
    if not isinstance(node, ast.ClassDef) or node.name == "BaseNotifier" or depth > 12:
        return False
    if any(isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name == name for item in node.body):
        return True
    bases = [modules.find(found.module, base.id, roots) for base in node.bases if isinstance(base, ast.Name)]
    return any(isinstance(base, Definition) and _has_method(base, name, roots, depth + 1) for base in bases)


def _names_class(path: str) -> bool:
    module, _, name = path.rpartition(".")
    return bool(module) and name.lstrip("_")[:1].isupper()


def _method(path: str, name: str, roots: Roots) -> Maker | MissingDefinition | Unknown:
    """Find what ``name`` of the class at an import path takes."""
    module, _, cls = path.rpartition(".")
    found = modules.find(module, cls, roots)
    if not isinstance(found, Definition):
        return found
    for item in found.node.body if isinstance(found.node, ast.ClassDef) else ():
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name == name:
            return Maker(_of_method(item, found.module))
    return UNKNOWN  # it may be inherited, or assigned


def _of_method(node: ast.FunctionDef | ast.AsyncFunctionDef, module: str) -> ConstructorArguments | None:
    decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
    if decorators == {"staticmethod"}:
        return _of_function(node.args, module, bound=False)
    return _of_function(node.args, module, bound=True) if decorators == {"classmethod"} else None


_NOTHING: Final = ("object", "ABC", "Protocol", "Generic", "Timetable", "BaseTimetable")


def taken(found: Definition, roots: Roots, depth: int = 0) -> ConstructorArguments | None:
    """Find what a function takes, or a class by its constructor, its fields or its bases; None when unreadable."""
    node = found.node
    if depth > 12:
        return None
    if not isinstance(node, ast.ClassDef):
        return None if node.decorator_list else _of_function(node.args, found.module, bound=False)
    init = _constructor(node)
    if init is not None and not _passes_on(init):
        return _of_function(init.args, found.module, bound=True)
    bases = [_of_base(found.module, base, roots, depth) for base in node.bases]
    inherited = None if None in bases else _merged([base for base in bases if base is not None])
    if init is not None:
        return _with_inherited(init, found.module, inherited or ConstructorArguments(open=True))
    if inherited is not None and node.decorator_list:
        has_fields = all(map(_makes_constructor, node.decorator_list))
        return _with_fields(node, found.module, inherited) if has_fields else None
    return inherited


def _constructor(node: ast.ClassDef) -> ast.FunctionDef | None:
    """Find the last definition: those before it are overloads."""
    by_name = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    return by_name.get("__init__") or by_name.get("__new__")


def _of_function(args: ast.arguments, module: str, *, bound: bool) -> ConstructorArguments:
    by_place = [*args.posonlyargs, *args.args][bound:]
    needed = [arg.arg for arg in by_place[: max(len(by_place) - len(args.defaults), 0)]]
    needed += [arg.arg for arg, value in zip(args.kwonlyargs, args.kw_defaults, strict=True) if value is None]
    several = [args.vararg] if args.vararg else []
    annotations = {
        arg.arg: ast.unparse(arg.annotation) if arg.annotation else "" for arg in (*by_place, *args.kwonlyargs)
    }
    annotations |= {arg.arg: _LIST.format(ast.unparse(arg.annotation) if arg.annotation else "str") for arg in several}
    return ConstructorArguments(
        annotations,
        tuple(needed),
        open=args.kwarg is not None or len(args.posonlyargs) > bound,
        by_place=tuple(arg.arg for arg in by_place),
        several=several[0].arg if several else None,
        modules=dict.fromkeys(annotations, module),
    )


#: how ``*names: kind`` is written in YAML
_LIST: Final = "list[{}]"


def _passes_on(init: ast.FunctionDef) -> bool:
    """Tell whether a constructor gives its ``**kwargs`` to the class under it."""
    name = init.args.kwarg.arg if init.args.kwarg else None
    calls = [call for call in ast.walk(init) if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)]
    return any(
        word.arg is None and isinstance(word.value, ast.Name) and word.value.id == name
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == init.name
        for word in call.keywords
    )


def _with_inherited(init: ast.FunctionDef, module: str, inherited: ConstructorArguments) -> ConstructorArguments:
    own = _of_function(init.args, module, bound=True)
    passed = passed_on(init)
    below = {name: written for name, written in inherited.annotations.items() if name not in passed}
    assert init.args.kwarg is not None
    below |= dict.fromkeys(taken_from(init.args.kwarg.arg, init), "")
    needed = [name for name in inherited.required if name in below and name not in own.annotations]
    return replace(
        own,
        annotations={**below, **own.annotations},
        required=(*own.required, *needed),
        open=inherited.open,
        modules={**inherited.modules, **own.modules},
    )


def _of_base(module: str, base: ast.expr, roots: Roots, depth: int) -> ConstructorArguments | None:
    inner = base.value if isinstance(base, ast.Subscript) else base
    if not isinstance(inner, ast.Name):
        return None
    if inner.id in _NOTHING:
        return ConstructorArguments()
    found = modules.find(module, inner.id, roots)
    if not isinstance(found, Definition) or not isinstance(found.node, ast.ClassDef):
        return None
    return taken(found, roots, depth + 1)


def _merged(bases: list[ConstructorArguments]) -> ConstructorArguments:
    """Find the first base with parameters, whose constructor is called."""
    return next((base for base in bases if base.annotations or base.open), ConstructorArguments())


def _makes_constructor(decorator: ast.expr) -> bool:
    """Tell whether this is a decorator that makes a constructor of the fields: attrs, or dataclass."""
    call = decorator if isinstance(decorator, ast.Call) else None
    name = ast.unparse(call.func if call else decorator)
    return name in ("attrs.define", "define", "dataclass", "dataclasses.dataclass", "attrs.frozen", "frozen")


def _with_fields(node: ast.ClassDef, module: str, inherited: ConstructorArguments) -> ConstructorArguments:
    annotations, required = dict(inherited.annotations), list(inherited.required)
    by_place, modules = list(inherited.by_place), dict(inherited.modules)
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and _is_argument(item):
            name = _name_of(item.target.id, item.value)
            annotations[name] = ast.unparse(item.annotation)
            if not _is_told(item.value, "kw_only", "True"):
                by_place.append(name)
            modules[name] = module
            if item.value is None or _is_field_without_default(item.value):
                required.append(name)
    names, places = tuple(dict.fromkeys(required)), tuple(dict.fromkeys(by_place))
    return ConstructorArguments(annotations, names, inherited.open, places, modules=modules)


def _name_of(name: str, value: ast.expr | None) -> str:
    """Give the name by which a field is given: its alias, or without the underscores that attrs leaves out."""
    call = value if isinstance(value, ast.Call) else None
    for word in call.keywords if call else ():
        if word.arg == "alias" and isinstance(word.value, ast.Constant):
            return str(word.value.value)
    return name.lstrip("_") if call is not None and ast.unparse(call.func).startswith("attr") else name


def _is_argument(field_of_class: ast.AnnAssign) -> bool:
    """Tell whether a field is given to the constructor: no variable of the class, and not ``init=False``."""
    if ast.unparse(field_of_class.annotation).rpartition(".")[2].startswith("ClassVar"):
        return False
    return not _is_told(field_of_class.value, "init", "False")


def _is_told(value: ast.expr | None, name: str, what: str) -> bool:
    """Tell whether the call that makes a field gives it this argument."""
    words = value.keywords if isinstance(value, ast.Call) else ()
    return any(word.arg == name and ast.unparse(word.value) == what for word in words)


def _is_field_without_default(value: ast.expr) -> bool:
    if not isinstance(value, ast.Call) or not ast.unparse(value.func).endswith("field"):
        return False
    return not {keyword.arg for keyword in value.keywords} & {"default", "factory", "default_factory", "init"}
