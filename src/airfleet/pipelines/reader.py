"""A pipeline file's text becomes :class:`~airfleet.pipelines.spec.Pipeline` values and problems.

::

    text ─source.load→ documents ─ each: jobs → ${{ }} → templates → keys and values ─→ Pipelines + problems

All problems of the file are found at once. A document, or one job of it, that has a problem gives no
pipeline; it never hides the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass

from airfleet import source
from airfleet.errors import Place, Problem, did_you_mean
from airfleet.pipelines import catalog, expand, values
from airfleet.pipelines.arguments import (
    DAG_ARGUMENTS,
    DAG_OWN_KEYS,
    DAG_PYTHON_ONLY,
    DOCUMENT_KEYS,
    TASK_ARGUMENTS,
    TASK_KEYS,
    TASK_OWN_KEYS,
    TASK_PYTHON_ONLY,
)
from airfleet.pipelines.expand import Scope, entry
from airfleet.pipelines.report import Report, in_order, joined, nearest
from airfleet.pipelines.spec import CallableRef, OperatorRef, Pipeline, Task, Timetable, Uses, Value
from airfleet.source import Mapping, Node, Scalar, Sequence


@dataclass(frozen=True)
class Reading:
    """What a file says. ``dag_ids`` also names Dags that have problems, as far as their ids could be read."""

    pipelines: tuple[Pipeline, ...]
    problems: tuple[Problem, ...]
    dag_ids: tuple[str, ...] = ()
    #: also the pipelines with problems, as far as they could be read, for the checks that come after
    drafts: tuple[Draft, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A pipeline and the paths at which something is wrong with it already."""

    pipeline: Pipeline
    wrong: frozenset[str] = frozenset()
    #: whether no problem of the file is about this pipeline
    good: bool = True


def read(
    text: str,
    file: str,
    *,
    variables: AbstractMapping[str, str] | None = None,
    environ: AbstractMapping[str, str] | None = None,
    only: str | None = None,
) -> Reading:
    """Every pipeline of ``text`` and every problem in it. Never raises for any text.

    ``variables`` are the fleet's, for ``${{ vars.x }}``; ``environ`` is for ``${{ env.X }}``. With ``only``, no other
    Dag than the one with that id is made, nor are the problems of other jobs looked for.
    """
    documents, problems = source.load(text, file)
    if not documents and not problems:
        problems = (Problem(Place(file), "", "there is no pipeline in this file"),)
    scope = Scope(variables or {}, environ or {})
    found: list[Problem] = list(problems)
    drafts: list[Draft] = []
    ids = _Ids(found)
    for document, end in _with_ends(documents):
        broken = any(document.place.line <= problem.place.line < end for problem in problems)
        for pipeline, wrong in _pipelines(document, file, scope, ids, only):
            drafts.append(Draft(pipeline, wrong, good=not wrong and not broken))
    pipelines = tuple(draft.pipeline for draft in drafts if draft.good)
    return Reading(pipelines, in_order(found), tuple(ids.places), tuple(drafts))


def _with_ends(documents: tuple[Node, ...]) -> Iterator[tuple[Node, float]]:
    """Each document, and the first line that is no longer its own."""
    starts: list[float] = [document.place.line for document in documents]
    return zip(documents, [*starts, float("inf")][1:], strict=True)


class _Ids:
    """The Dag ids of a file, each at the place that gave it first, and the problems of the whole file."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.places: dict[str, Place] = {}

    def take(self, dag_id: str, place: Place) -> bool:
        """Whether the id is still free; if not, that is a problem."""
        if dag_id not in self.places:
            self.places[dag_id] = place
            return True
        first = self.places[dag_id]
        hint = f"line {first.line} already has it"
        if first == place:
            hint = "write ${{ job.name }} into dag_id, so that each job has an id of its own"
        self.problems.append(Problem(place, "dag_id", f"two Dags have the id '{dag_id}'", hint))
        return False


def _pipelines(
    document: Node, file: str, scope: Scope, ids: _Ids, only: str | None
) -> Iterator[tuple[Pipeline, frozenset[str]]]:
    """Each pipeline of a document, with the paths of its problems."""
    report = Report()
    if not isinstance(document, Mapping):
        report.problem(document, "", "a pipeline is a mapping of keys such as dag_id, schedule and tasks")
        ids.problems.extend(report.problems)
        return
    node = entry(document, "jobs")
    body = document
    jobs: tuple[expand.Job | None, ...] = (None,)
    if node is not None:
        jobs = expand.jobs(node, scope, report)
        body = Mapping(tuple(item for item in document.entries if item[0].text != "jobs"), document.place)
        ids.problems.extend(report.problems)
        if not jobs:  # its problems are said; the rest of the document can only be judged with a job
            return
    for job in jobs:
        inner = Report(places=dict(report.places))
        inside = scope if job is None else Scope(scope.variables, scope.environ, job.values)
        dag_id = _dag_id(body, inside, Report())
        if dag_id is not None and not ids.take(dag_id, _id_place(body, job)):
            continue
        if only is not None and dag_id is not None and dag_id != only:
            continue
        resolved = expand.resolve(body, "", inside, inner)
        assert isinstance(resolved, Mapping)  # a mapping is never resolved to something else
        pipeline = _Document(resolved, file, job.name if job else None, inner).read()
        ids.problems.extend(inner.problems)
        yield pipeline, frozenset(problem.path for problem in inner.problems)


def _dag_id(body: Mapping, scope: Scope, report: Report) -> str | None:
    node = entry(body, "dag_id")
    if not isinstance(node, Scalar):
        return None
    resolved = expand.resolve(node, "dag_id", scope, report)
    if not isinstance(resolved, Scalar) or resolved.value is None or report.problems:
        return None
    return resolved.text or None


def _id_place(body: Mapping, job: expand.Job | None) -> Place:
    return (entry(body, "dag_id") or body).place


class _Document:
    """One document after ``${{ }}`` is resolved: its keys, defaults, templates and tasks."""

    def __init__(self, body: Mapping, file: str, job: str | None, report: Report) -> None:
        self.body = body
        self.file = file
        self.job = job
        self.report = report
        report.places[""] = body.place
        self.keys = {key.text: (key, value) for key, value in body.entries}

    def read(self) -> Pipeline:
        options = self.options()
        defaults = self.defaults()
        templates = self.templates()
        return Pipeline(
            dag_id=self.dag_id(),
            tasks=tuple(self.tasks(defaults, templates)),
            schedule=self.schedule(),
            options=options,
            defaults=defaults,
            job=self.job,
            file=self.file,
            places=self.report.places,
        )

    def dag_id(self) -> str:
        if "dag_id" not in self.keys:
            self.report.problem(self.body, "", "'dag_id' is missing")
            return ""
        return _text(self.keys["dag_id"][1], "dag_id", self.report)

    def schedule(self) -> str | Timetable | None:
        node = self.keys["schedule"][1] if "schedule" in self.keys else None
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return None
        self.report.places["schedule"] = node.place
        if isinstance(node, Mapping):
            return self.timetable(node)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value
        sentence = "must be a cron expression, a preset such as '@daily', a timetable, or null"
        self.report.problem(node, "schedule", sentence)
        return None

    def timetable(self, node: Mapping) -> Timetable | None:
        uses, args = entry(node, "uses"), entry(node, "with")
        for key, _ in node.entries:
            if key.text not in ("uses", "with"):
                hint = did_you_mean(key.text, ("uses", "with"))
                self.report.problem(key, "schedule", f"a timetable has no '{key.text}', only 'uses' and 'with'", hint)
        if uses is None:
            self.report.problem(node, "schedule", "a timetable needs 'uses', the import path of its class")
            return None
        return Timetable(_text(uses, "schedule.uses", self.report), _args(args, "schedule.with", self.report))

    def options(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for name, (key, node) in self.keys.items():
            if name in DAG_ARGUMENTS:
                read = values.argument(node, name, DAG_ARGUMENTS[name], self.report)
                if read is not None:
                    found[name] = read
            elif name not in DOCUMENT_KEYS:
                self.unknown_key(key)
        return found

    def unknown_key(self, key: Scalar) -> None:
        name = key.text
        if name in DAG_OWN_KEYS:
            self.report.problem(key, name, f"is written '{DAG_OWN_KEYS[name]}' in a pipeline")
        elif name in DAG_PYTHON_ONLY:
            self.report.problem(key, name, _only_python(DAG_PYTHON_ONLY[name]))
        elif name in TASK_ARGUMENTS:
            hint = "write it under 'defaults' to give it to every task"
            self.report.problem(key, name, "is an argument of tasks, not of a pipeline", hint)
        else:
            known = [*DOCUMENT_KEYS, *DAG_ARGUMENTS]
            self.report.problem(key, name, f"a pipeline has no key '{name}'", did_you_mean(name, known))

    def defaults(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key, node in self.mapping_at("defaults").entries:
            path = f"defaults.{key.text}"
            if key.text in TASK_ARGUMENTS:
                read = values.argument(node, path, TASK_ARGUMENTS[key.text], self.report)
                if read is not None:
                    found[key.text] = read
            else:
                self.unknown_default(key, path)
        return found

    def unknown_default(self, key: Scalar, path: str) -> None:
        name: str = key.text
        if name in TASK_PYTHON_ONLY:
            self.report.problem(key, path, _only_python(TASK_PYTHON_ONLY[name]))
        elif name in TASK_OWN_KEYS or name in TASK_KEYS:
            self.report.problem(key, path, "cannot be a default", "a template can hold it; see 'templates'")
        elif name in DAG_ARGUMENTS:
            self.report.problem(key, path, "is an argument of the pipeline, not of tasks", "write it at the top level")
        else:
            self.report.problem(key, path, f"a task has no '{name}'", did_you_mean(name, TASK_ARGUMENTS))

    def templates(self) -> dict[str, Mapping]:
        found = {}
        for key, node in self.mapping_at("templates").entries:
            if isinstance(node, Mapping):
                found[key.text] = node
            else:
                self.report.problem(node, f"templates.{key.text}", "a template must be a mapping, as a task is")
        return found

    def mapping_at(self, name: str) -> Mapping:
        """The mapping at a top-level key; an empty one when it is left out or wrong."""
        if name not in self.keys:
            return Mapping((), self.body.place)
        node = self.keys[name][1]
        self.report.places[name] = node.place
        if isinstance(node, Mapping):
            return node
        if not (isinstance(node, Scalar) and node.value is None):
            self.report.problem(node, name, "must be a mapping")
        return Mapping((), node.place)

    def tasks(self, defaults: AbstractMapping[str, Value], templates: AbstractMapping[str, Mapping]) -> Iterator[Task]:
        if "tasks" not in self.keys:
            self.report.problem(self.body, "", "'tasks' is missing")
            return
        node = self.keys["tasks"][1]
        self.report.places["tasks"] = node.place
        if not isinstance(node, Sequence):
            self.report.problem(node, "tasks", "must be a list of tasks", "begin each task with '- id: '")
            return
        if not node.items:
            self.report.problem(node, "tasks", "a pipeline needs at least one task")
        first: dict[str, Place] = {}
        for index, item in enumerate(node.items):
            task = self.task(item, f"tasks[{index}]", defaults, templates)
            if task is None:
                continue
            if task.id in first:
                hint = f"line {first[task.id].line} already has it"
                path = joined(task.path, "id")
                self.report.problem(_id_of(item), path, f"two tasks have the id '{task.id}'", hint)
            elif task.id:
                first[task.id] = self.report.places[task.path]
            yield task

    def task(
        self,
        item: Node,
        path: str,
        defaults: AbstractMapping[str, Value],
        templates: AbstractMapping[str, Mapping],
    ) -> Task | None:
        if not isinstance(item, Mapping):
            self.report.problem(item, path, "a task must be a mapping with an 'id'")
            return None
        written_id = entry(item, "id")
        if isinstance(written_id, Scalar) and written_id.value is not None and written_id.text:
            path = f"tasks.{written_id.text}"
        self.report.places.setdefault(path, item.place)
        body = expand.merged(item, path, templates, self.report)
        return _TaskReader(item, body, path, self.report).read(defaults)


class _TaskReader:
    """One task after its templates are merged in."""

    def __init__(self, written: Mapping, body: Mapping, path: str, report: Report) -> None:
        self.written = written
        self.path = path
        self.report = report
        self.keys = {key.text: (key, value) for key, value in body.entries}

    def read(self, defaults: AbstractMapping[str, Value]) -> Task:
        uses = self.uses()
        args = _args(self.value("with"), joined(self.path, "with"), self.report)
        if not isinstance(uses, CallableRef):
            self.reject_misplaced(args)
        return Task(
            id=self.id(),
            uses=uses,
            args=args,
            options=self.options(defaults, uses),
            needs=self.needs(),
            path=self.path,
        )

    def value(self, name: str) -> Node | None:
        return self.keys[name][1] if name in self.keys else None

    def id(self) -> str:
        node = self.value("id")
        if node is None:
            self.report.problem(self.written, self.path, "the task has no 'id'")
            return ""
        return _text(node, joined(self.path, "id"), self.report)

    def uses(self) -> Uses:
        node = self.value("uses")
        path = joined(self.path, "uses")
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return None
        self.report.places[path] = node.place
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
            sentence = "must be an operator (bash, or an import path) or a Python function (module:function)"
            self.report.problem(node, path, sentence)
            return None
        return self.reference(node, node.value, path)

    def reference(self, node: Node, written: str, path: str) -> Uses:
        if ":" in written:
            if not values.FUNCTION.fullmatch(written):
                self.report.problem(node, path, f"'{written}' is not the name of a function", "write module:function")
                return None
            module, _, function = written.partition(":")
            return CallableRef(module, function)
        found = catalog.resolve(written)
        if found is None:
            self.report.problem(node, path, *unknown_short_name(written))
            return None
        return OperatorRef(found, written)

    def options(self, defaults: AbstractMapping[str, Value], uses: Uses) -> dict[str, Value]:
        found = dict(defaults)
        for name, (key, node) in self.keys.items():
            path = joined(self.path, name)
            if name in TASK_ARGUMENTS:
                found.pop(name, None)
                read = values.argument(node, path, TASK_ARGUMENTS[name], self.report)
                if read is not None:  # null takes a default away
                    found[name] = read
            elif name not in TASK_KEYS:
                self.unknown_key(key, path, uses)
        return found

    def unknown_key(self, key: Scalar, path: str, uses: Uses) -> None:
        name = key.text
        if name in TASK_OWN_KEYS:
            self.report.problem(key, path, "cannot be set on a task", TASK_OWN_KEYS[name])
        elif name in TASK_PYTHON_ONLY:
            self.report.problem(key, path, _only_python(TASK_PYTHON_ONLY[name]))
        elif name == "run":
            hint = "write 'uses' with an operator or a Python function"
            self.report.problem(key, path, "tasks in other languages ('run') cannot be run here", hint)
        elif name in DAG_ARGUMENTS:
            self.report.problem(key, path, "is an argument of the pipeline, not of a task", "write it at the top level")
        else:
            self.report.problem(key, path, f"a task has no key '{name}'", self.hint_for(name, uses))

    def hint_for(self, name: str, uses: Uses) -> str | None:
        if near := nearest(name, [*TASK_KEYS, *TASK_ARGUMENTS]):
            return f"did you mean '{near}'?"
        if isinstance(uses, OperatorRef):
            return f"arguments of {uses.written.rpartition('.')[2]} go under 'with'"
        return "arguments of the function go under 'with'" if uses else None

    def reject_misplaced(self, args: AbstractMapping[str, Value]) -> None:
        """A BaseOperator argument under ``with`` of an operator."""
        node = self.value("with")
        for key, _ in node.entries if isinstance(node, Mapping) else ():
            path = joined(self.path, f"with.{key.text}")
            if key.text in TASK_ARGUMENTS:
                hint = f"write '{key.text}' beside 'uses' and 'with', not under 'with'"
                self.report.problem(key, path, "is an argument of the task, not of the operator", hint)
            elif key.text in TASK_OWN_KEYS:
                self.report.problem(key, path, "cannot be set on a task", TASK_OWN_KEYS[key.text])
            elif key.text in TASK_PYTHON_ONLY:
                self.report.problem(key, path, _only_python(TASK_PYTHON_ONLY[key.text]))

    def needs(self) -> tuple[str, ...]:
        node = self.value("needs")
        path = joined(self.path, "needs")
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return ()
        self.report.places[path] = node.place
        items = node.items if isinstance(node, Sequence) else (node,)
        for index, item in enumerate(items if isinstance(node, Sequence) else ()):
            self.report.places[f"{path}[{index}]"] = item.place
        try:
            return tuple(values.text(item) for item in items)
        except values.Invalid:
            self.report.problem(node, path, "must be the id of a task, or a list of ids")
            return ()


def _id_of(item: Node) -> Node:
    return (entry(item, "id") if isinstance(item, Mapping) else None) or item


def _text(node: Node, path: str, report: Report) -> str:
    """Text that must be there; the empty text when it is wrong (noted in ``report``)."""
    report.places[path] = node.place
    try:
        found = values.text(node)
    except values.Invalid as wrong:
        report.problem(node, path, str(wrong), wrong.hint)
        return ""
    if not found:
        report.problem(node, path, "must not be empty")
    return found


def _args(node: Node | None, path: str, report: Report) -> dict[str, Value]:
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return {}
    report.places[path] = node.place
    if not isinstance(node, Mapping):
        report.problem(node, path, "must be a mapping of arguments")
        return {}
    if (key := values.marker_key(node)) is not None:
        report.problem(key, path, f"'{key.text}' must stand at an argument, not in place of all of them")
        return {}
    return {key.text: values.value(value, joined(path, key.text), report) for key, value in node.entries}


def _only_python(reason: str) -> str:
    return f"{reason}, which YAML cannot give" if reason.startswith("takes") else reason


def unknown_short_name(written: str) -> tuple[str, str | None]:
    """Sentence and hint for a name that is neither a short name nor an import path."""
    provider, _, name = written.rpartition(".")
    known = catalog.short_names(provider or "standard")
    if provider and not known:
        sentence = (
            f"there is no operator '{written}': its last part is not a class, and no provider is called '{provider}'"
        )
        return sentence, f"a Python function is written {provider}:{name}"
    return f"there is no operator '{written}'", did_you_mean(name, known) or "write its import path"
