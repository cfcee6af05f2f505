"""One task of a pipeline as an Airflow operator, or the problems that prevent it."""

from __future__ import annotations

import datetime as dt
import functools
import importlib
import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, BaseOperator, TriggerRule, XComArg, literal

from airfleet.errors import Problem, did_you_mean
from airfleet.pipelines.function_task import FunctionTask, LateFunction
from airfleet.pipelines.spec import (
    CallableRef,
    Const,
    FileText,
    OperatorRef,
    Pipeline,
    Task,
    Template,
    Value,
    XCom,
)

#: set by us for every task; nobody else may
_OURS = frozenset({"task_id", "dag", "task_group", "default_args"})
_JINJA = jinja2.Environment()

ID_RULE = "an id is made of letters, digits, '_', '-' and '.', 250 at most"


@dataclass
class Site:
    """Where operators are put together: one Dag, what is built of it, what is wrong with it."""

    pipeline: Pipeline
    dag: DAG = field(init=False)
    built: dict[str, BaseOperator] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, path: str, sentence: str, hint: str | None = None) -> None:
        """Note a problem at ``path`` of the pipeline's file."""
        self.problems.append(Problem(self.pipeline.place(path), path, sentence, hint))

    @property
    def folder(self) -> Path:
        """Where ``$f`` looks for files."""
        return Path(self.pipeline.file).parent


@dataclass(frozen=True)
class Arguments:
    """What an operator class can be told under ``with``."""

    annotations: Mapping[str, str]
    required: tuple[str, ...]
    rendered: frozenset[str]


def add(task: Task, site: Site) -> None:
    """Build ``task`` into the site's Dag. Upstream tasks must be there already."""
    if not is_id(task.id):
        site.wrong(f"{task.path}.id", f"'{task.id}' is no task id", ID_RULE)
    # A stand-in lets the tasks behind a wrong one be judged too; such a Dag is never handed out.
    operator = _operator(task, site) or EmptyOperator(task_id=f"stand-in-{len(site.built)}")
    site.built[task.id] = operator
    for upstream in task.needs:
        if upstream in site.built and not site.problems:
            operator.set_upstream(site.built[upstream])


def is_id(text: str) -> bool:
    """Whether Airflow takes ``text`` as the id of a Dag or task."""
    return re.fullmatch(r"[\w.-]{1,250}", text) is not None


def _operator(task: Task, site: Site) -> BaseOperator | None:
    options = _options(task, site)
    if isinstance(task.uses, CallableRef):
        kwargs, rendered = _lowered(task, site, dict.fromkeys(task.args, ""), frozenset(task.args))
        given = {"function": task.uses.written, "op_kwargs": kwargs, **options}
        return _construct(FunctionTask, task, site, given, {"op_kwargs"} if not rendered else set())
    cls = EmptyOperator if task.uses is None else _operator_class(task.uses, task, site)
    if cls is None:
        return None
    takes = arguments(cls)
    known = _known_arguments(cls, takes, task, site)
    kwargs, rendered = _lowered(task, site, takes.annotations, takes.rendered)
    if not known:
        return None
    return _construct(cls, task, site, {**kwargs, **options}, set(task.args) - rendered)


def _construct(
    cls: type[BaseOperator], task: Task, site: Site, given: dict[str, Any], literals: set[str]
) -> BaseOperator | None:
    """The operator, with the fields in ``literals`` taken off what Airflow renders."""
    try:
        operator = cls(task_id=task.id, dag=site.dag, **given)
    except Exception as error:  # any operator may raise anything at its user
        site.wrong(_place_of(error, task), plain(error, task.uses.written.rpartition(".")[2] if task.uses else "empty"))
        return None
    operator.template_fields = tuple(name for name in operator.template_fields if name not in literals)
    operator.template_ext = ()
    return operator


# --- which class, which arguments


def _operator_class(uses: OperatorRef, task: Task, site: Site) -> type[BaseOperator] | None:
    path = f"{task.path}.uses"
    try:
        found = imported(uses.path)
    except LookupError as error:
        site.wrong(path, *error.args)
        return None
    if not (isinstance(found, type) and issubclass(found, BaseOperator)):
        site.wrong(path, f"'{uses.written}' is not an operator", f"for a Python function write {_as_function(uses)}")
        return None
    return found


def imported(path: str) -> object:
    """What an import path names. Raises LookupError(sentence, hint) when there is no such thing."""
    module_name, _, name = path.rpartition(".")
    if not module_name:
        raise LookupError(f"'{path}' is not an import path", None)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(missing + "."):
            raise LookupError(f"there is no module '{missing}'", _package_hint(path)) from None
        raise LookupError(f"'{path}' needs the module '{missing}', which is not installed", None) from None
    except Exception as error:
        raise LookupError(f"'{module_name}' cannot be imported: {type(error).__name__}: {error}", None) from None
    if not hasattr(module, name):
        raise LookupError(f"'{module_name}' has no '{name}'", did_you_mean(name, dir(module)))
    found: object = getattr(module, name)
    return found


def _package_hint(path: str) -> str | None:
    provider = re.match(r"airflow\.providers\.([a-z0-9_]+)", path)
    return f"is apache-airflow-providers-{provider[1].replace('_', '-')} installed?" if provider else None


def _as_function(uses: OperatorRef) -> str:
    module, _, name = uses.path.rpartition(".")
    return f"'{module}:{name}'"


@functools.cache
def task_arguments() -> Mapping[str, str]:
    """Names and annotations of what every task takes beside ``with``."""
    parameters = inspect.signature(BaseOperator.__init__).parameters.values()
    return {p.name: str(p.annotation) for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in _OURS}


@functools.cache
def arguments(cls: type[BaseOperator]) -> Arguments:
    """What ``cls`` and the classes under it take, read from their constructors."""
    annotations: dict[str, str] = {}
    required: tuple[str, ...] = ()
    first = True
    for base in cls.__mro__:
        if base is BaseOperator:
            break
        if "__init__" not in vars(base):
            continue
        parameters = [
            p for p in inspect.signature(vars(base)["__init__"]).parameters.values() if p.name not in _OURS | {"self"}
        ]
        named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        for parameter in named:
            annotations.setdefault(parameter.name, str(parameter.annotation))
        if first:
            required = tuple(p.name for p in named if p.default is p.empty)
            first = False
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    fields = cls.template_fields
    return Arguments(annotations, required, frozenset([fields] if isinstance(fields, str) else fields))


def _known_arguments(cls: type[BaseOperator], takes: Arguments, task: Task, site: Site) -> bool:
    """Whether ``with`` names only what the operator takes, and all that it needs."""
    before = len(site.problems)
    written = task.uses.written if task.uses else "empty"
    for name in task.args:
        path = f"{task.path}.with.{name}"
        if name in takes.annotations:
            continue
        if name in task_arguments():
            site.wrong(path, f"'{name}' is said of the task, not under 'with'", f"move '{name}' beside 'with'")
        else:
            site.wrong(path, f"{written} takes no argument '{name}'", did_you_mean(name, takes.annotations))
    given = {*task.args, *task.options, *site.pipeline.defaults}
    for name in takes.required:
        if name not in given:
            site.wrong(task.path, f"{written} needs '{name}' under 'with'")
    return len(site.problems) == before


def _options(task: Task, site: Site) -> dict[str, Any]:
    """The task's own arguments (retries, queue, ...) as Airflow takes them."""
    options: dict[str, Any] = {}
    for name, value in task.options.items():
        path = f"{task.path}.{name}"
        if name not in task_arguments():
            site.wrong(path, f"a task has no '{name}'", _option_hint(name, task))
        elif name == "trigger_rule" and value not in list(TriggerRule):
            rules = [str(rule.value) for rule in TriggerRule]
            site.wrong(path, f"trigger_rule is one of {', '.join(rules)}", did_you_mean(str(value), rules))
        else:
            options[name] = option(name, value, task_arguments()[name], path, site)
    return options


def _option_hint(name: str, task: Task) -> str | None:
    if isinstance(task.uses, OperatorRef):
        return did_you_mean(name, task_arguments()) or f"arguments of {task.uses.written} stand under 'with'"
    return did_you_mean(name, task_arguments())


def option(name: str, value: Value, annotation: str, path: str, site: Site) -> Any:
    """An argument outside ``with``: a literal, or a function's name where a callback is due."""
    if name.startswith("on_") and name.endswith("_callback"):
        return callback(value, path, site)
    if has_marker(value, (Template, XCom, FileText, Const)):
        site.wrong(path, "a marker ($t, $x, $f, $const) stands only under 'with'")
        return None
    return coerced(unfrozen(value), annotation)


def callback(value: Value, path: str, site: Site) -> Any:
    """``module:function`` (one, or a list) as callables that are imported when they are called."""
    if isinstance(value, tuple):
        return [callback(item, f"{path}[{index}]", site) for index, item in enumerate(value)]
    module, _, function = str(value).partition(":")
    if not (isinstance(value, str) and module and function):
        site.wrong(path, "a callback is written module:function")
    return LateFunction(module, function)


# --- values under `with`


def _lowered(
    task: Task, site: Site, annotations: Mapping[str, str], renders: frozenset[str]
) -> tuple[dict[str, Any], set[str]]:
    """``with`` as Airflow takes it, and the names of what Airflow has to render."""
    kwargs: dict[str, Any] = {}
    rendered: set[str] = set()
    function = isinstance(task.uses, CallableRef)
    any_rendered = has_marker(task.args, (Template, XCom))
    for name, value in task.args.items():
        path = f"{task.path}.with.{name}"
        renders_here = has_marker(value, (Template, XCom))
        if has_marker(value, (Template, XCom, FileText)) and name not in renders and name in annotations:
            site.wrong(
                path, f"'{name}' is not rendered by the operator, so it takes no marker", _rendered_hint(renders)
            )
            continue
        if renders_here:
            rendered.add(name)
        # All arguments of a function are one field to Airflow: when one is rendered, guard the others.
        kwargs[name] = lower(value, path, site, guard=any_rendered if function else renders_here)
        if not has_marker(value, (Template, XCom, FileText, Const)):
            guarded = function and any_rendered
            kwargs[name] = kwargs[name] if guarded else coerced(kwargs[name], annotations.get(name, ""))
    return kwargs, rendered


def _rendered_hint(renders: frozenset[str]) -> str | None:
    return f"markers may stand in {', '.join(sorted(renders))}" if renders else None


def lower(value: Value, path: str, site: Site, *, guard: bool) -> Any:
    """A value with its markers made into what Airflow knows; literals guarded from Jinja if asked."""
    if isinstance(value, XCom):
        return _output(value, path, site)
    if isinstance(value, Template):
        return _template(value, path, site)
    if isinstance(value, FileText):
        return _guarded(_text(value, path, site), guard)
    if isinstance(value, Const):
        return _guarded(unfrozen(value.value), guard)
    if isinstance(value, Mapping):
        return {key: lower(item, f"{path}.{key}", site, guard=guard) for key, item in value.items()}
    if isinstance(value, tuple):
        return [lower(item, f"{path}[{index}]", site, guard=guard) for index, item in enumerate(value)]
    return _guarded(value, guard)


def _guarded(value: Any, guard: bool) -> Any:
    """``value`` so that rendering, when its field is rendered at all, gives it back unchanged."""
    return literal(value) if guard and isinstance(value, str | list | dict) else value


def _output(xcom: XCom, path: str, site: Site) -> XComArg | None:
    operator = site.built.get(xcom.task)
    if operator is None:
        known = [task.id for task in site.pipeline.tasks]
        site.wrong(path, f"there is no task '{xcom.task}'", did_you_mean(xcom.task, known))
        return None
    return XComArg(operator, key=xcom.key)


def _template(template: Template, path: str, site: Site) -> str:
    text = _text(template.text, path, site) if isinstance(template.text, FileText) else template.text
    try:
        _JINJA.parse(text)
    except jinja2.TemplateSyntaxError as error:
        site.wrong(path, f"the template is wrong in its line {error.lineno}: {error.message}")
    return text


def _text(file: FileText, path: str, site: Site) -> str:
    folder = site.folder.resolve()
    target = (folder / file.path).resolve()
    if not target.is_relative_to(folder):
        site.wrong(path, f"'{file.path}' lies outside the folder of the pipeline")
        return ""
    try:
        return target.read_text(encoding="utf-8")
    except OSError as error:
        site.wrong(path, f"'{file.path}' cannot be read: {(error.strerror or str(error)).lower()}")
    except UnicodeDecodeError:
        site.wrong(path, f"'{file.path}' is not UTF-8 text")
    return ""


def has_marker(value: object, kinds: tuple[type, ...]) -> bool:
    """Whether a marker of one of these kinds stands anywhere in ``value``."""
    if isinstance(value, kinds):
        return True
    if isinstance(value, Mapping):
        return any(has_marker(item, kinds) for item in value.values())
    return isinstance(value, tuple | list) and any(has_marker(item, kinds) for item in value)


def unfrozen(value: Any) -> Any:
    """Tuples as lists and mappings as dicts: Airflow and user code expect what YAML usually gives."""
    if isinstance(value, Mapping):
        return {key: unfrozen(item) for key, item in value.items()}
    return [unfrozen(item) for item in value] if isinstance(value, tuple | list) else value


def coerced(value: Any, annotation: str) -> Any:
    """A date or date string where ``annotation`` asks for a datetime, as a datetime (UTC unless it says otherwise)."""
    words = set(re.findall(r"\w+", annotation))
    if words & {"datetime", "DateTime"} and isinstance(value, str | dt.date):
        return _as_datetime(value)
    if "date" in words and isinstance(value, str):
        return _parsed(dt.date.fromisoformat, value)
    return value


def _as_datetime(value: str | dt.date) -> Any:
    moment = _parsed(dt.datetime.fromisoformat, value) if isinstance(value, str) else value
    if isinstance(moment, dt.date) and not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    if isinstance(moment, dt.datetime) and moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return moment


def _parsed(parse: Any, text: str) -> Any:
    """What ``parse`` makes of it, or the text itself: a template or a word may be meant."""
    try:
        return parse(text)
    except ValueError:
        return text


# --- what Airflow says, said plainly


def plain(error: Exception, name: str) -> str:
    """One sentence from what a constructor raised."""
    text = " ".join(str(error).split())
    if wrong_type := re.fullmatch(r"'(\w+)' type must be (.+), not (\w+)", text):
        return f"'{wrong_type[1]}' must be {wrong_type[2]}, not {wrong_type[3]}"
    return f"{name} refuses its arguments: {text or type(error).__name__}"


def _place_of(error: Exception, task: Task) -> str:
    """The path of the argument that the message speaks of, else of the task."""
    if name := mentioned(error, task.args):
        return f"{task.path}.with.{name}"
    if name := mentioned(error, task.options):
        return f"{task.path}.{name}"
    return task.path


def mentioned(error: Exception, names: Iterable[str]) -> str | None:
    """The first of ``names`` that the error's message speaks of."""
    text = str(error)
    return next((n for n in names if re.search(rf"\b({n}|{n.replace('_', ' ')})\b", text)), None)
