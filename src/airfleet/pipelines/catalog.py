"""What is installed, found by reading files: no Airflow and no user code is imported.

``resolve`` turns short names into import paths, ``operator`` says what an operator class takes, and
``function`` what a Python function takes. All answer :data:`~airfleet.pipelines.modules.UNKNOWN`
rather than guess.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from airfleet.pipelines import modules
from airfleet.pipelines.arguments import BASE_OPERATOR_ARGUMENTS
from airfleet.pipelines.modules import UNKNOWN, Found, Missing, Roots, Unknown

# -- short names -------------------------------------------------------------------------------

_OPERATOR_CLASS = re.compile(r"^class ([A-Z]\w*?)(Operator|Sensor)\b", re.MULTILINE)
_OPERATOR_MODULE = re.compile(r"""["'](airflow\.providers\.[\w.]+\.(?:operators|sensors|transfers)\.[\w.]+)["']""")
_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def resolve(written: str) -> str | None:
    """The import path behind a short name (``bash``, ``http.http``), or None when there is none.

    An import path is given back as it is: its last part begins with a capital.
    """
    provider, _, name = written.rpartition(".")
    if provider and name.lstrip("_")[:1].isupper():
        return written
    return short_names(provider or "standard").get(name)


@functools.cache
def short_names(provider: str = "standard") -> Mapping[str, str]:
    """Short name → import path of every operator and sensor of an installed provider.

    The name is the class in snake case without ``Operator``; sensors keep ``_sensor``. Where the module spells
    the same words differently (``trigger_dagrun``), its spelling works too.
    """
    names: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for module, file in _operator_modules(provider):
        for class_name, short in _operator_classes(file).items():
            names.setdefault(short, f"{module}.{class_name}")
            if short.replace("_", "") == file.stem.replace("_", ""):
                aliases[file.stem] = f"{module}.{class_name}"
    return MappingProxyType({**aliases, **names})


def _operator_modules(provider: str) -> tuple[tuple[str, Path], ...]:
    """The modules in which a provider says it has operators and sensors."""
    if not re.fullmatch(r"\w+(\.\w+)*", provider):
        return ()
    info = modules.find_file(f"airflow/providers/{provider.replace('.', '/')}/get_provider_info.py")
    listed = dict.fromkeys(_OPERATOR_MODULE.findall(_text(info))) if info else {}
    files = ((module, modules.module_file(module)) for module in listed)
    return tuple((module, file) for module, file in files if file is not None)


def is_installed(provider: str) -> bool:
    """Whether Airflow's provider of this name (``http``, ``common.sql``) is installed."""
    return modules.find_file(f"airflow/providers/{provider.replace('.', '/')}/get_provider_info.py") is not None


def _operator_classes(file: Path) -> dict[str, str]:
    return {
        name + suffix: snake_case(name) + ("_sensor" if suffix == "Sensor" else "")
        for name, suffix in _OPERATOR_CLASS.findall(_text(file))
        if not name.startswith("Base")
    }


def snake_case(name: str) -> str:
    """``BranchPython`` → ``branch_python``, ``S3Key`` → ``s3_key``, ``HITLEntry`` → ``hitl_entry``."""
    return _WORD_BOUNDARY.sub("_", name).lower()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


# -- functions ---------------------------------------------------------------------------------

#: What Airflow gives to parameters of these names when it calls a function.
CONTEXT_NAMES: Final = frozenset(
    (
        "asset_state_store",
        "conn",
        "dag",
        "dag_run",
        "data_interval_end",
        "data_interval_start",
        "ds",
        "ds_nodash",
        "exception",
        "expanded_ti_count",
        "inlet_events",
        "inlets",
        "logical_date",
        "macros",
        "map_index_template",
        "outlet_events",
        "outlets",
        "params",
        "partition_date",
        "partition_key",
        "prev_data_interval_end_success",
        "prev_data_interval_start_success",
        "prev_end_date_success",
        "prev_start_date_success",
        "reason",
        "run_id",
        "task",
        "task_instance",
        "task_instance_key_str",
        "task_reschedule_count",
        "task_state_store",
        "templates_dict",
        "test_mode",
        "ti",
        "triggering_asset_events",
        "try_number",
        "ts",
        "ts_nodash",
        "ts_nodash_with_tz",
        "var",
    )
)


@dataclass(frozen=True)
class Signature:
    """The arguments that something takes by name."""

    #: name → whether it must be given
    parameters: Mapping[str, bool]
    #: whether it takes, or may take, others too
    open: bool = False

    @property
    def required(self) -> tuple[str, ...]:
        """The names that must be given."""
        return tuple(name for name, needed in self.parameters.items() if needed)


def function(module: str, name: str, roots: Roots = ()) -> Signature | Missing | Unknown:
    """What the Python function ``module:name`` takes. Modules are looked for in ``roots`` first."""
    found = modules.find(module, name, roots)
    if not isinstance(found, Found):
        return _only_callables(found, roots)
    if isinstance(found.node, ast.ClassDef) or found.node.decorator_list:
        return UNKNOWN  # a decorator may change what is taken
    return _signature(found.node.args)


def _only_callables(answer: Missing | Unknown, roots: Roots) -> Missing | Unknown:
    """For the hint, only names that can be functions."""
    if answer is UNKNOWN or not answer.name:
        return answer
    outline = modules.read(answer.module, roots)
    if not isinstance(outline, modules.Outline):
        return answer
    known = [name for name, bound in outline.names.items() if any(_may_be_called(item) for item in bound)]
    return Missing(answer.module, answer.name, tuple(known))


def _may_be_called(binding: modules.Binding) -> bool:
    return isinstance(binding, (ast.FunctionDef, ast.AsyncFunctionDef, tuple))


def _signature(args: ast.arguments) -> Signature:
    """Parameters by name; those that come before ``/`` cannot be given by name, so they make it open."""
    without_default = len(args.posonlyargs) + len(args.args) - len(args.defaults)
    names = [*args.posonlyargs, *args.args]
    parameters = {arg.arg: index < without_default for index, arg in enumerate(names)}
    parameters |= {arg.arg: default is None for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)}
    return Signature(parameters, open=args.kwarg is not None or bool(args.posonlyargs))


# -- operators ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operator:
    """What an operator class takes beyond what every task takes."""

    path: str
    signature: Signature
    #: the arguments that may hold markers, None when that cannot be known
    template_fields: frozenset[str] | None
    #: False when the class is certainly not an operator
    is_operator: bool = True


def operator(path: str, roots: Roots = ()) -> Operator | Missing | Unknown:
    """What the operator at an import path takes, with everything it inherits up to BaseOperator."""
    top = path.partition(".")[0]
    if any(Path(root, top).exists() or Path(root, f"{top}.py").is_file() for root in roots):
        return _read_operator(path, roots)  # the user's own: may be edited while we live
    return _installed_operator(path)


@functools.cache
def _installed_operator(path: str) -> Operator | Missing | Unknown:
    return _read_operator(path, ())


def _read_operator(path: str, roots: Roots) -> Operator | Missing | Unknown:
    module, _, name = path.rpartition(".")
    found = modules.find(module, name, roots)
    if not isinstance(found, Found):
        return found
    if not isinstance(found.node, ast.ClassDef):
        return Operator(path, Signature({}, open=True), None, is_operator=False)
    facts = _class_facts(found.module, name, roots, frozenset())
    own = {key: needed for key, needed in facts.parameters.items() if key not in BASE_OPERATOR_ARGUMENTS}
    fields = None if facts.template_fields is None else frozenset(facts.template_fields)
    return Operator(path, Signature(own, facts.open), fields, facts.is_operator or facts.open)


@dataclass(frozen=True)
class _Facts:
    """What a class takes and renders, with its bases."""

    parameters: Mapping[str, bool] = field(default_factory=dict)
    template_fields: tuple[str, ...] | None = ()
    is_operator: bool = False
    open: bool = False


_BASE: Final = _Facts(is_operator=True)
_UNKNOWN_BASE: Final = _Facts(template_fields=None, open=True)
_ROOTS_OF_OPERATORS: Final = ("BaseOperator", "AbstractOperator", "DAGNode")
_WITHOUT_ARGUMENTS: Final = ("object", "ABC", "Generic", "Protocol")


def _class_facts(module: str, name: str, roots: Roots, within: frozenset[tuple[str, str]]) -> _Facts:
    if name in _ROOTS_OF_OPERATORS:
        return _BASE
    if name in _WITHOUT_ARGUMENTS or name.endswith(("Mixin", "MixIn")):
        return _Facts()
    found = modules.find(module, name, roots)
    if not isinstance(found, Found) or not isinstance(found.node, ast.ClassDef):
        return _UNKNOWN_BASE
    here = (found.module, found.node.name)
    if found.node.name in _ROOTS_OF_OPERATORS:
        return _BASE
    if here in within:
        return _UNKNOWN_BASE
    inner = within | {here}
    bases = [_class_facts(found.module, base, roots, inner) for base in _base_names(found.node)]
    return _Facts(
        parameters=_parameters(found.node, bases),
        template_fields=_template_fields(found, bases, roots, inner),
        is_operator=any(base.is_operator for base in bases),
        open=any(base.open for base in bases) or _takes_unknown(found.node),
    )


def _base_names(node: ast.ClassDef) -> Iterator[str]:
    for base in node.bases:
        inner = base.value if isinstance(base, ast.Subscript) else base
        yield inner.id if isinstance(inner, ast.Name) else "?"


def _init(node: ast.ClassDef) -> ast.FunctionDef | None:
    return next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)


def _takes_unknown(node: ast.ClassDef) -> bool:
    """Class decorators (dataclass, attrs) write constructors that cannot be read."""
    return bool(node.decorator_list) and _init(node) is None


def _parameters(node: ast.ClassDef, bases: list[_Facts]) -> dict[str, bool]:
    init = _init(node)
    inherited: dict[str, bool] = {}
    for base in bases:
        inherited = {**base.parameters, **inherited}
    if init is None:
        return inherited
    own = dict(_signature(init.args).parameters)
    own.pop(init.args.args[0].arg if init.args.args else "self", None)
    if init.args.kwarg is None:
        return own
    passed = _passed_on(init)
    taken = dict.fromkeys(_taken_from(init.args.kwarg.arg, init), False)
    return {**{key: needed for key, needed in inherited.items() if key not in passed}, **taken, **own}


def _passed_on(init: ast.FunctionDef) -> set[str]:
    """The arguments that ``super().__init__(...)`` is given: nobody else can give them again."""
    return {
        keyword.arg
        for call in ast.walk(init)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"
        for keyword in call.keywords
        if keyword.arg
    }


def _taken_from(kwargs: str, init: ast.FunctionDef) -> Iterator[str]:
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


# -- template_fields ---------------------------------------------------------------------------


def _template_fields(
    found: Found, bases: list[_Facts], roots: Roots, within: frozenset[tuple[str, str]]
) -> tuple[str, ...] | None:
    assert isinstance(found.node, ast.ClassDef)
    value = _assigned_fields(found.node)
    if _changes_fields(found.node):
        return None
    if value is None:
        return next((base.template_fields for base in bases if base.template_fields != ()), ())

    def of_class(name: str) -> tuple[str, ...] | None:
        return _class_facts(found.module, name, roots, within).template_fields

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
    """Whether the fields are changed after they are assigned, in the class or by its constructor."""
    for item in ast.walk(node):
        if isinstance(item, ast.Attribute) and item.attr == "template_fields" and isinstance(item.ctx, ast.Store):
            return True
        if isinstance(item, ast.Attribute) and _is(item.value, "template_fields"):
            return True
    return False


_OfClass: TypeAlias = Callable[[str], tuple[str, ...] | None]


def _evaluated(value: ast.expr, of_class: _OfClass) -> tuple[str, ...] | None:
    """The strings of a tuple, list or set display; sums, unions and ``Base.template_fields`` are followed."""
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
