"""Dags in Python that were written for an older Airflow: every line that Airflow 3 does not understand.

The file is read as text; nothing is imported or run. Only what is certain is said: a name that Airflow still answers
for, under a warning perhaps, is no problem, and neither is anything that is decided at run time.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias

from airfleet.errors import Place, Problem
from airfleet.pipelines.files.project_files import read_python
from airfleet.pipelines.upgrade import names
from airfleet.pipelines.upgrade.imports import (
    instead,
    instead_of_module,
    is_airflow,
    is_gone,
    module_is_gone,
    not_there,
)
from airfleet.problem_codes import Code
from airfleet.yaml.problems import in_order

SUFFIX: Final = ".py"

_Placed: TypeAlias = ast.expr | ast.alias | ast.keyword | ast.arg


@dataclass(frozen=True)
class CheckedDagFile:
    """Facts about one file, known without running it."""

    problems: tuple[Problem, ...] = ()
    #: ids of Dags that are written out in it, each at its place
    dag_ids: Mapping[str, Place] = field(default_factory=dict)
    #: whether it calls something of another module as it is loaded, as files do that have their Dags made elsewhere
    calls: bool = False


def check(file: Path) -> tuple[Problem, ...]:
    """Find everything in one file that Airflow 3 does not understand. Never raises for any content."""
    return read_and_check(file).problems


def read_and_check(file: Path) -> CheckedDagFile:
    """Read one file without running it. Never raises for any content."""
    text = read_python(file)
    if isinstance(text, Problem):
        return CheckedDagFile((text,))
    try:
        tree = ast.parse(text)
        return _checked(file, text, tree)
    except SyntaxError as error:
        place = Place(str(file), error.lineno or 1, max(1, error.offset or 1))
        return _not_python(place, f"this is not Python 3: {error.msg}")
    except RecursionError:
        return _not_python(Place(str(file)), "this is not Python: it is nested too deeply")
    except (ValueError, MemoryError) as error:
        return _not_python(Place(str(file)), f"this is not Python: {error}")


def _not_python(place: Place, sentence: str) -> CheckedDagFile:
    return CheckedDagFile((Problem(place, "", sentence, code=Code.PYTHON_SYNTAX),))


def _checked(file: Path, text: str, tree: ast.Module) -> CheckedDagFile:
    reading = _Reading(
        str(file),
        text.split("\n"),
        _imports(tree),
        callables=_names_given_as("python_callable", tree),
        default_args=_names_given_as("default_args", tree),
    )
    for node in ast.walk(tree):
        reading.look_at(node)
    return CheckedDagFile(in_order(dict.fromkeys(reading.problems)), reading.dag_ids(tree), _calls_another_module(tree))


# --- the file as a whole


@dataclass(frozen=True)
class _Imported:
    """The origin of a name in the file: ``module`` and, when it is not a module itself, ``name`` in it."""

    module: str
    name: str = ""

    @property
    def last(self) -> str:
        return self.name or self.module.rpartition(".")[2]


def _imports(tree: ast.Module) -> dict[str, _Imported]:
    """Return the names of the file that come from Airflow."""
    found: dict[str, _Imported] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and is_airflow(node.module or ""):
            for alias in node.names:
                found[alias.asname or alias.name] = _Imported(node.module or "", alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if is_airflow(alias.name):
                    found[alias.asname or "airflow"] = _Imported(alias.name if alias.asname else "airflow")
    return found


def _names_given_as(argument: str, tree: ast.Module) -> frozenset[str]:
    """List the names of the file that are given to anything as this argument."""
    return frozenset(
        keyword.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == argument and isinstance(keyword.value, ast.Name)
    )


# --- one thing after the other


@dataclass
class _Reading:
    """One file under check, and the problems found so far."""

    file: str
    lines: list[str]
    imports: Mapping[str, _Imported]
    callables: frozenset[str]
    default_args: frozenset[str]
    problems: list[Problem] = field(default_factory=list)

    def look_at(self, node: ast.AST) -> None:
        """Note what is wrong with one node, whatever it is."""
        if isinstance(node, ast.ImportFrom):
            self._import_from(node)
        elif isinstance(node, ast.Import):
            self._import(node)
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.Assign):
            if any(isinstance(target, ast.Name) and target.id in self.default_args for target in node.targets):
                self._default_args(node.value)
        elif isinstance(node, ast.Subscript):
            if isinstance(node.value, ast.Name) and node.value.id in _CONTEXTS and isinstance(node.slice, ast.Constant):
                self._context_key(node.slice)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._function(node)

    def problem(self, node: _Placed, sentence: str, hint: str | None, code: Code = Code.PYTHON_NAME) -> None:
        self._problem_at(node.lineno, self._column(node), sentence, hint, code)

    def _column(self, node: _Placed) -> int:
        """Return the column of a node in characters; those of ast are bytes."""
        line = self.lines[node.lineno - 1]
        before = line if line.isascii() else line.encode()[: node.col_offset].decode(errors="replace")
        return min(len(before), node.col_offset) + 1

    def _problem_at(self, line: int, column: int, sentence: str, hint: str | None, code: Code) -> None:
        self.problems.append(Problem(Place(self.file, line, column), "", sentence, hint, code))

    # --- ids of Dags

    def dag_ids(self, tree: ast.Module) -> dict[str, Place]:
        """Return the ids of Dags that are made as the file is loaded, as far as they are written out."""
        found: dict[str, Place] = {}
        makers: dict[str, ast.expr | None] = {}
        for node in _at_load(tree):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    call = decorator if isinstance(decorator, ast.Call) else None
                    if self._called(call.func if call else decorator) == "dag":
                        written = _id_given(call) if call else None
                        makers[node.name] = written or ast.copy_location(ast.Constant(node.name), node)
            elif isinstance(node, ast.Call):
                maker = makers.get(node.func.id) if isinstance(node.func, ast.Name) else None
                written = _id_given(node) if self._called(node.func) == "DAG" else maker
                if isinstance(written, ast.Constant) and isinstance(written.value, str):
                    found.setdefault(written.value, Place(self.file, written.lineno, self._column(written)))
        return found

    # --- imports

    def _import_from(self, node: ast.ImportFrom) -> None:
        if node.level or not is_airflow(node.module or ""):
            return
        for alias in node.names:
            if is_gone(node.module or "", alias.name):
                self.problem(alias, not_there(f"{node.module}.{alias.name}"), instead(alias.name, alias.asname))

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            if is_airflow(alias.name) and module_is_gone(alias.name):
                self.problem(alias, not_there(alias.name), instead_of_module(alias.name))

    # --- calls

    def _call(self, node: ast.Call) -> None:
        called = self._called(node.func)
        if called == "days_ago":
            days = ast.unparse(node.args[0]) if node.args else "0"
            hint = f"pendulum.today('UTC').add(days=-{days}) is the same; a date that stays is better"
            self.problem(node.func, not_there("days_ago"), hint)
        if called in ("DAG", "dag"):
            self._keywords(node, called, names.DAG_KEYWORDS)
        elif called.endswith(("Operator", "Sensor")):
            known = {**names.TASK_KEYWORDS, **names.OPERATOR_KEYWORDS.get(called, {})}
            self._keywords(node, called, known)
        for keyword in node.keywords:
            if keyword.arg == "default_args":
                self._default_args(keyword.value)
            elif keyword.arg == "trigger_rule" and isinstance(keyword.value, ast.Constant):
                self._trigger_rule(keyword.value)
        if called.endswith(("Operator", "Sensor")):
            for text in (inner for inner in ast.walk(node) if isinstance(inner, ast.Constant)):
                self._template(text)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
            owner, key = node.func.value, node.args[0]
            if isinstance(owner, ast.Name) and owner.id in _CONTEXTS and isinstance(key, ast.Constant):
                self._context_key(key)

    def _called(self, function: ast.expr) -> str:
        """Write the name in Airflow of what is called; empty when it is not Airflow's."""
        if isinstance(function, ast.Name) and function.id in self.imports:
            return self.imports[function.id].last
        root = function
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(function, ast.Attribute) and isinstance(root, ast.Name) and root.id in self.imports:
            return function.attr
        return ""

    def _keywords(self, node: ast.Call, called: str, known: Mapping[str, str | None]) -> None:
        for keyword in node.keywords:
            if keyword.arg is not None and keyword.arg in known:
                taken = keyword.arg in names.TAKEN_FOR_NOTHING
                said = f"'{keyword.arg}' does nothing" if taken else f"{called} takes no '{keyword.arg}'"
                sentence = f"{said} in Airflow 3"
                hint = _other_keyword(keyword.arg, known[keyword.arg], keyword.value)
                self.problem(keyword, sentence, hint, Code.PYTHON_ARGUMENT)

    def _default_args(self, value: ast.expr) -> None:
        if not isinstance(value, ast.Dict):
            return
        for key, given in zip(value.keys, value.values, strict=True):
            name = key.value if isinstance(key, ast.Constant) else None
            if key is not None and isinstance(name, str) and name in names.TASK_KEYWORDS:
                sentence = f"'{name}' in default_args does nothing in Airflow 3"
                hint = _other_keyword(name, names.TASK_KEYWORDS[name], given)
                self.problem(key, sentence, hint, Code.PYTHON_ARGUMENT)

    def _trigger_rule(self, value: ast.Constant) -> None:
        rule = _text(value)
        if new := names.TRIGGER_RULES.get(rule):
            sentence = f"there is no trigger rule '{rule}' in Airflow 3"
            self.problem(value, sentence, f"write '{new}'", Code.PYTHON_ARGUMENT)

    # --- what tasks are given

    def _template(self, text: ast.Constant) -> None:
        if not isinstance(text.value, str) or "{" not in text.value:
            return
        for name in sorted({name for inside in _TEMPLATE.findall(text.value) for name in _OLD_NAMES.findall(inside)}):
            line, column = self._find(name, text)
            sentence = f"templates have no '{name}' in Airflow 3"
            hint = f"write {{{{ {names.CONTEXT[name]} }}}}"
            self._problem_at(line, column, sentence, hint, Code.PYTHON_CONTEXT)

    def _find(self, name: str, text: ast.Constant) -> tuple[int, int]:
        """Say where a name stands first in a string of the source."""
        for number in range(text.lineno, (text.end_lineno or text.lineno) + 1):
            start = text.col_offset if number == text.lineno else 0
            if match := re.compile(rf"\b{name}\b").search(self.lines[number - 1], start):
                return number, match.start() + 1
        return text.lineno, text.col_offset + 1

    def _context_key(self, key: ast.Constant) -> None:
        name = _text(key)
        if new := names.CONTEXT.get(name):
            sentence = f"the context has no '{name}' in Airflow 3"
            self.problem(key, sentence, f"use {_in_python(new)}", Code.PYTHON_CONTEXT)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            if self._called(decorator) == "apply_defaults":
                self.problem(decorator, "'apply_defaults' is not there in Airflow 3", names.GONE["apply_defaults"])
        if node.name not in self.callables:
            return
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            if new := names.CONTEXT.get(argument.arg):
                sentence = f"a function is given no '{argument.arg}' in Airflow 3"
                self.problem(argument, sentence, f"use {_in_python(new)}", Code.PYTHON_CONTEXT)


#: what people call the mapping that a function is given
_CONTEXTS: Final = ("context", "kwargs")
# An end is looked for up to the next beginning only: the time stays linear.
_TEMPLATE: Final = re.compile(r"\{[{%]((?:(?!\{[{%]).)*?)[%}]\}", re.DOTALL)
_OLD_NAMES: Final = re.compile(rf"\b(?:{'|'.join(names.CONTEXT)})\b")


def _text(constant: ast.Constant) -> str:
    return constant.value if isinstance(constant.value, str) else ""


def _in_python(template: str) -> str:
    name, _, rest = template.partition(" | ")
    return f"'{name}'" if name.isidentifier() and not rest else f"what the template {{{{ {template} }}}} gives"


# --- what to write


def _other_keyword(old: str, new: str | None, value: ast.expr) -> str:
    if new is None:
        return names.WITHOUT.get(old, "leave it out")
    return f"write {new}={ast.unparse(value)}"


# --- what is done as a file is loaded


def _at_load(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below one in order, but for what stands in functions and classes."""
    waiting = list(reversed(list(ast.iter_child_nodes(node))))
    while waiting:
        inner = waiting.pop()
        yield inner
        if not isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += reversed(list(ast.iter_child_nodes(inner)))


def _id_given(call: ast.Call) -> ast.expr | None:
    """Return the id of a Dag that a call gives."""
    by_name = (keyword.value for keyword in call.keywords if keyword.arg == "dag_id")
    return next(by_name, call.args[0] if call.args else None)


def _calls_another_module(tree: ast.Module) -> bool:
    """Tell whether a statement of the file calls what it imports from elsewhere than Python itself."""
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
        if (node.module or "." if isinstance(node, ast.ImportFrom) else alias.name).partition(".")[0]
        not in sys.stdlib_module_names
    }
    for statement in tree.body:
        if isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign)) and isinstance(statement.value, ast.Call):
            root: ast.AST = statement.value.func
            while isinstance(root, (ast.Attribute, ast.Call)):
                root = root.value if isinstance(root, ast.Attribute) else root.func
            if isinstance(root, ast.Name) and root.id in imported:
                return True
    return False


def problems_as_text(file: Path, shown_as: str) -> Iterator[str]:
    """Yield every problem of a file as ``check`` prints it, with the file called ``shown_as``."""
    for problem in check(file):
        yield replace(problem, place=replace(problem.place, file=shown_as)).with_code()
