"""A pipeline file's text becomes :class:`~airfleet.pipelines.language.spec.Pipeline` values and problems.

::

    text ─nodes.load→ documents ─ each: shared parts → jobs → ${{ }} → templates → keys and values
                                                                          ─→ Pipelines + problems

All problems of the file are found at once. A document, or one job of it, that has a problem gives no
pipeline; it never hides the others.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field

from airfleet.errors import Place, Problem
from airfleet.file_stamps import Stamp
from airfleet.pipelines.dialects import translator
from airfleet.pipelines.dialects.translator import Translator
from airfleet.pipelines.dialects.written_paths import WrittenPaths
from airfleet.pipelines.files import foreign_files
from airfleet.pipelines.files.dag_factory_files import is_dag_factory
from airfleet.pipelines.files.shared_files import Library, NoFiles, NotTaken
from airfleet.pipelines.language.expressions.scope import ReadFile, Scope
from airfleet.pipelines.language.interpolation import may_have_expressions, plain_parts, resolve
from airfleet.pipelines.language.shared_keys import PART_KEYS
from airfleet.pipelines.language.spec import Pipeline, Task
from airfleet.pipelines.reading.document_reader import DocumentReader
from airfleet.pipelines.reading.entries_reader import TOO_MANY_VALUES
from airfleet.pipelines.reading.repetition.entries import may_repeat, resolve_entries
from airfleet.pipelines.reading.repetition.job_entries import JobEntry
from airfleet.pipelines.reading.repetition.job_files import JobFiles
from airfleet.pipelines.reading.repetition.jobs import defaults_of, read_jobs
from airfleet.pipelines.reading.repetition.late_templates import late_templates, names_an_item, without_mappings
from airfleet.pipelines.reading.shared import sharing
from airfleet.pipelines.reading.shared.group_templates import with_extended_groups
from airfleet.pipelines.reading.shared.parts_reader import PartsReader, without_expressions
from airfleet.pipelines.reading.shared.sharing import Sharing
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar
from airfleet.yaml.problems import Hints, Report, in_order


@dataclass(frozen=True)
class PipelineFile:
    """Pipelines and problems of one file."""

    pipelines: tuple[Pipeline, ...]
    problems: tuple[Problem, ...]
    #: ids of all Dags, also of those with problems, as far as the ids can be read
    dag_ids: tuple[str, ...] = ()
    #: all pipelines, also those with problems, as far as they can be read: later checks judge them too
    drafts: tuple[Draft, ...] = ()
    #: why the file is no pipeline file; then everything else is empty
    foreign: Problem | None = None
    #: places whose YAML is wrong: later checks skip them
    settled: frozenset[Place] = frozenset()
    #: whether the file makes no Dag, and only shares parts
    is_shared: bool = False
    #: what was left out of a file that is written for another tool, and what is allowed, but hardly meant
    remarks: tuple[Problem, ...] = ()
    #: of a file that is written for another tool: the paths of its values there
    paths: WrittenPaths = field(default_factory=WrittenPaths)
    #: by path, the stamps of the files that its translation depends on
    stamps: AbstractMapping[str, Stamp | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
    """A pipeline and the paths of its problems."""

    pipeline: Pipeline
    wrong: frozenset[str] = frozenset()
    #: whether no problem of the file concerns this pipeline
    good: bool = True
    #: of a shared document: its templates, which are no whole tasks
    parts: tuple[Task, ...] = ()


def read(
    text: str,
    file: str,
    *,
    variables: AbstractMapping[str, str] | None = None,
    environ: AbstractMapping[str, str] | None = None,
    only: str | None = None,
    library: Library | None = None,
    taken_in: bool = False,
) -> PipelineFile:
    """Return every pipeline of ``text`` and every problem in it. Never raises for any text.

    ``variables`` are the fleet's, for ``${{ vars.x }}``; ``environ`` is for ``${{ env.X }}``. ``only`` names the one
    Dag to make; Dags after it are not read. ``library`` has the shared files; the text is one that a pipeline takes in.
    """
    documents, problems = translator.load(text, file)
    is_shared = sharing.are_parts(documents, file, taken_in=taken_in)
    if not is_shared and (foreign := foreign_files.said_of(documents, text, file, broken=bool(problems))):
        return PipelineFile((), (), foreign=foreign)
    report = Report(problems=list(problems), settled={problem.place for problem in problems})
    library = library or NoFiles()
    scope = Scope(variables or {}, environ or {}, read_file=reading_with(library, file))
    scope.sources.add(file, text)
    parts = Sharing(file, library, scope, report)
    translating = Translator(file, environ or {}, only)
    has_expressions = may_have_expressions(text) or may_repeat(text)
    whole = _WholeFile(file, scope, only, report, has_expressions, parts, translating, library)
    drafts = tuple(_parts(documents, whole) if is_shared else _drafts(documents, problems, whole))
    return PipelineFile(
        tuple(draft.pipeline for draft in drafts if draft.good),
        in_order([*translating.problems, *map(translating.paths.as_written, report.problems)]),
        tuple(whole.ids),
        drafts,
        settled=frozenset(report.settled),
        is_shared=is_shared,
        remarks=in_order([*translating.remarks, *map(translating.paths.as_written, report.remarks)]),
        paths=translating.paths,
        stamps=translating.translation.stamps,
    )


def reading_with(library: Library, file: str) -> ReadFile:
    """Give the function by which expressions of a pipeline file read texts."""

    def read_file(written: str, said_in: str) -> str | Problem:
        found = library.text(written, said_in, file)
        if isinstance(found, NotTaken):
            return Problem(Place(said_in), "", found.sentence, found.hint)
        return found.text

    return read_file


def _drafts(documents: tuple[Node, ...], problems: tuple[Problem, ...], whole: _WholeFile) -> Iterator[Draft]:
    """Yield every pipeline of a file; documents with shared parts alone are for those that follow."""
    broken_lines = sorted(problem.place.line for problem in problems)
    unused: list[Mapping] = []
    for document, end in _with_ends(documents):
        broken = bisect_left(broken_lines, document.place.line) < bisect_left(broken_lines, end)
        if isinstance(document, Mapping) and sharing.is_parts(document):
            whole.sharing.add(document, is_complete=not broken)
            unused.append(document)
            continue
        if takes_parts := not is_dag_factory(document):  # which has defaults of its own
            unused.clear()
        for ours, wrongly_written in whole.translator.documents(document):
            for pipeline, wrong in _pipelines(ours, whole, takes_parts=takes_parts):
                yield Draft(pipeline, wrong, good=not (wrong or wrongly_written or broken))
    for document in unused:
        names = " and ".join(f"'{name}'" for name in PART_KEYS if document.get(name) is not None)
        sentence = f"this document has {names} alone, and no document follows that could use it"
        whole.report.problem(
            document, "", sentence, "write it before the documents whose tasks use it", Code.UNUSED_PARTS
        )


def _parts(documents: tuple[Node, ...], whole: _WholeFile) -> Iterator[Draft]:
    """Yield what can be judged of each document in a file of shared parts."""
    for document in documents:
        if not isinstance(document, Mapping):
            whole.report.problem(document, "", sharing.NO_MAPPING, code=Code.WRONG_SHAPE)
            continue
        whole.sharing.taken_by_parts(document)
        body = without_expressions(sharing.shareable(document, whole.report))
        report = whole.own_report()
        reader = PartsReader(body, whole.name, None, report)
        pipeline = reader.read()
        whole.report.problems.extend(report.problems)
        yield Draft(pipeline, frozenset(report.wrong), good=False, parts=reader.parts)


def _with_ends(documents: tuple[Node, ...]) -> Iterator[tuple[Node, float]]:
    """Yield each document and the first line after it."""
    starts: list[float] = [document.place.line for document in documents]
    return zip(documents, [*starts, float("inf")][1:], strict=True)


@dataclass
class _WholeFile:
    """State that the documents of one file share."""

    name: str
    scope: Scope
    #: id of the one Dag to make; None makes all
    only: str | None
    #: budgets and problems of all documents
    report: Report
    #: whether any value can have ``${{ }}``
    has_expressions: bool
    sharing: Sharing
    translator: Translator
    library: Library
    #: ids of Dags, each with the place that has it first
    ids: dict[str, Place] = field(default_factory=dict)

    def own_report(self, places: AbstractMapping[str, Place] | None = None) -> Report:
        """Return a report for a part of the file: it shares the budgets."""
        shared = self.report
        return Report(places=dict(places or {}), hints=shared.hints, budget=shared.budget, settled=set(shared.settled))

    def is_wanted(self, dag_id: str | None, place: Place, job: JobEntry | None) -> bool:
        """Return whether a Dag is made: its job is right, its id is free, and ``only`` is no other."""
        if job is not None and job.wrong:
            if dag_id is not None:
                self.ids.setdefault(dag_id, place)
            return False
        return dag_id is None or (self._take(dag_id, place) and self.only in (None, dag_id))

    def _take(self, dag_id: str, place: Place) -> bool:
        """Note the id of a Dag; return False, with a problem, when an earlier Dag has it."""
        if dag_id not in self.ids:
            self.ids[dag_id] = place
            return True
        first = self.ids[dag_id]
        hint = f"line {first.line} already has it"
        if first == place:
            hint = "write ${{ job.name }} into dag_id, so that each job has an id of its own"
        sentence = f"two Dags have the id '{dag_id}'"
        self.report.problems.append(Problem(place, "dag_id", sentence, hint, Code.DAG_ID_TWICE))
        return False


def _pipelines(document: Node, whole: _WholeFile, *, takes_parts: bool) -> Iterator[tuple[Pipeline, frozenset[str]]]:
    """Yield each pipeline of a document with the paths of its problems."""
    report = whole.own_report()
    if isinstance(document, Mapping):
        taken = whole.sharing.taken_by(document) if takes_parts else sharing.Taken()
        yield from _of_jobs(document, taken, whole, report)
    else:
        sentence = "a pipeline is a mapping of keys such as dag_id, schedule and tasks"
        report.problem(document, "", sentence, code=Code.WRONG_SHAPE)
    # Without any job that is right, the rest of the document cannot be judged: the problems of the jobs are noted.
    whole.report.problems.extend(report.problems)


def _of_jobs(
    document: Mapping, taken: sharing.Taken, whole: _WholeFile, report: Report
) -> Iterator[tuple[Pipeline, frozenset[str]]]:
    has_expressions = whole.has_expressions or taken.has_expressions
    if not taken.is_complete:
        report.note_slip("include")
    merged = with_extended_groups(sharing.merged(taken.layers, document), report)
    wrong = frozenset(report.wrong)
    body, jobs = _split(merged, whole, report)
    plain = plain_parts(body) if document.get("jobs") is not None else frozenset()
    if (unused := document.get("job_defaults")) is not None and document.get("jobs") is None:
        report.problem(unused, "job_defaults", "this document has no 'jobs'", code=Code.JOB)
    id_place = (body.get("dag_id") or body).place
    for job in jobs:
        scope = whole.scope if job is None else whole.scope.of_job(job.values, plain)
        dag_id = _dag_id(body, scope)
        if not whole.is_wanted(dag_id, id_place, job):
            continue
        inner = whole.own_report(report.places)
        inner.wrong |= wrong
        resolved = _resolved(body, scope, inner) if has_expressions else body
        if not inner.budget.take(resolved):
            report.problem(document, "", TOO_MANY_VALUES, "write several files, or fewer jobs", Code.FILE_LIMIT)
            return
        pipeline = DocumentReader(resolved, whole.name, job.name if job else None, inner).read()
        whole.report.problems.extend(inner.problems)
        whole.report.remarks.extend(inner.remarks)
        yield pipeline, frozenset(inner.wrong)
        if whole.only is not None and dag_id == whole.only:
            return


def _split(document: Mapping, whole: _WholeFile, report: Report) -> tuple[Mapping, Iterable[JobEntry | None]]:
    """Return the part of a document that all its Dags share, and its jobs: a single None without ``jobs``."""
    node, defaults = document.get("jobs"), document.get("job_defaults")
    if node is None and defaults is None:
        return document, (None,)
    body = document.without("jobs", "job_defaults")
    if node is None:
        return body, (None,)  # the defaults may be shared by documents that have jobs
    files = JobFiles(whole.library, whole.name)
    return body, read_jobs(node, whole.scope, report, files, defaults_of(defaults, report))


def _resolved(body: Mapping, scope: Scope, report: Report) -> Mapping:
    """Resolve every ``${{ }}``; a value with a problem gets no second one."""
    tasks, late = body.get("tasks"), late_templates(body, scope, report)
    apart = ["tasks"] if late is None else ["tasks", "templates"]
    if (groups := body.get("groups")) is not None and id(groups) not in scope.plain and names_an_item(groups):
        apart.append("groups")  # their parts are in the tasks already
    resolved = resolve(body.without(*apart), "", scope, report)
    assert isinstance(resolved, Mapping)  # a mapping resolves to a mapping
    values: dict[str, Node] = {key.text: value for key, value in resolved.entries}
    if tasks is not None:
        values["tasks"] = resolve_entries(tasks, "tasks", scope, report, late)
    report.settle()
    entries = ((key, values.get(key.text) or without_mappings(value)) for key, value in body.entries)
    return Mapping(tuple(entries), body.place)


def _dag_id(body: Mapping, scope: Scope) -> str | None:
    """Return the id of a Dag, or None when it cannot be read; the reader of the document notes why."""
    node = body.get("dag_id")
    if not isinstance(node, Scalar):
        return None
    report = Report(hints=Hints(0))
    resolved = resolve(node, "dag_id", scope, report)
    if not isinstance(resolved, Scalar) or resolved.value is None or report.problems:
        return None
    return resolved.text or None
