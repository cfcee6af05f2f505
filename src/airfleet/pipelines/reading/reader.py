"""A pipeline file's text becomes :class:`~airfleet.pipelines.language.spec.Pipeline` values and problems.

::

    text ─source.load→ documents ─ each: jobs → ${{ }} → templates → keys and values ─→ Pipelines + problems

All problems of the file are found at once. A document, or one job of it, that has a problem gives no
pipeline; it never hides the others.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass

from airfleet.errors import Place, Problem
from airfleet.pipelines.files import foreign_files
from airfleet.pipelines.language.interpolation import Scope, entry, plain_parts, resolve
from airfleet.pipelines.language.spec import Pipeline
from airfleet.pipelines.reading.document_reader import DocumentReader
from airfleet.pipelines.reading.jobs import Job, read_jobs
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping, Node, Scalar
from airfleet.yaml.problems import TOO_MANY_VALUES, Hints, Report, in_order


@dataclass(frozen=True)
class Reading:
    """What a file says. ``dag_ids`` also names Dags that have problems, as far as their ids could be read."""

    pipelines: tuple[Pipeline, ...]
    problems: tuple[Problem, ...]
    dag_ids: tuple[str, ...] = ()
    #: also the pipelines with problems, as far as they could be read, for the checks that come after
    drafts: tuple[Draft, ...] = ()
    #: what is said of a file that is no pipeline file; then there is nothing else
    foreign: Problem | None = None
    #: places of values that are wrong as YAML already
    told: frozenset[Place] = frozenset()


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
    Dag than the one with that id is made, and nothing is said about those that come after it.
    """
    documents, problems = nodes.load(text, file)
    if foreign := foreign_files.said_of(documents, text, file, broken=bool(problems)):
        return Reading((), (), foreign=foreign)
    scope = Scope(variables or {}, environ or {})
    found: list[Problem] = list(problems)
    drafts: list[Draft] = []
    ids = _Ids(found)
    shared = Report(told={problem.place for problem in problems})
    broken_lines = sorted(problem.place.line for problem in problems)
    for document, end in _with_ends(documents):
        broken = bisect_left(broken_lines, document.place.line) < bisect_left(broken_lines, end)
        for pipeline, wrong in _pipelines(document, file, scope, ids, only, shared):
            drafts.append(Draft(pipeline, wrong, good=not wrong and not broken))
    pipelines = tuple(draft.pipeline for draft in drafts if draft.good)
    told = frozenset(shared.told)
    return Reading(pipelines, in_order(found), tuple(ids.places), tuple(drafts), told=told)


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
    document: Node, file: str, scope: Scope, ids: _Ids, only: str | None, shared: Report
) -> Iterator[tuple[Pipeline, frozenset[str]]]:
    """Each pipeline of a document, with the paths of its problems. ``shared`` holds what counts for the whole file."""
    hints, values = shared.hints, shared.values
    report = Report(hints=hints, values=values, told=shared.told)
    if not isinstance(document, Mapping):
        report.problem(document, "", "a pipeline is a mapping of keys such as dag_id, schedule and tasks")
        ids.problems.extend(report.problems)
        return
    body, jobs = _split(document, scope, report)
    plain = frozenset() if body is document else plain_parts(body)
    for job in jobs:
        inside = scope if job is None else scope.of_job(job.values, plain)
        dag_id = _dag_id(body, inside, Report(hints=Hints(0)))
        if job is not None and job.wrong:
            if dag_id is not None:
                ids.places.setdefault(dag_id, _id_place(body))
            continue
        if dag_id is not None and not ids.take(dag_id, _id_place(body)):
            continue
        if only is not None and dag_id is not None and dag_id != only:
            continue
        inner = Report(places=dict(report.places), hints=hints, values=values, told=set(shared.told))
        resolved = resolve(body, "", inside, inner)
        inner.tell_no_more()
        assert isinstance(resolved, Mapping)  # a mapping is never resolved to something else
        if not values.take(resolved):
            report.problem(document, "", TOO_MANY_VALUES, "write several files, or fewer jobs")
            break
        pipeline = DocumentReader(resolved, file, job.name if job else None, inner).read()
        ids.problems.extend(inner.problems)
        yield pipeline, frozenset(inner.wrong)
        if only is not None and dag_id == only:
            break
    # Without any job that is right, the rest of the document cannot be judged; the problems of the jobs are said.
    ids.problems.extend(report.problems)


def _split(document: Mapping, scope: Scope, report: Report) -> tuple[Mapping, Iterable[Job | None]]:
    """What all Dags of a document share, and its jobs: a single None when it has no ``jobs``."""
    node = entry(document, "jobs")
    if node is None:
        return document, (None,)
    body = Mapping(tuple(item for item in document.entries if item[0].text != "jobs"), document.place)
    return body, read_jobs(node, scope, report)


def _dag_id(body: Mapping, scope: Scope, report: Report) -> str | None:
    node = entry(body, "dag_id")
    if not isinstance(node, Scalar):
        return None
    resolved = resolve(node, "dag_id", scope, report)
    if not isinstance(resolved, Scalar) or resolved.value is None or report.problems:
        return None
    return resolved.text or None


def _id_place(body: Mapping) -> Place:
    return (entry(body, "dag_id") or body).place
