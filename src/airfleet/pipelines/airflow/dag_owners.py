"""Whose a Dag is when two files of a bundle define its id: the file's from which it was stored first.

Airflow lets the file win that was parsed last, and shows now one, now the other Dag. Between two files in Python it
stays so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from airflow.dag_processing.processor import DagFileParsingResult
from airflow.models.dag import DagModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airfleet.errors import Place, Problem
from airfleet.pipelines.files.project_files import SUFFIXES
from airfleet.problem_codes import Code


def take_out_others(
    result: DagFileParsingResult, path: str, bundle: str, is_there: Callable[[str], bool], session: Session
) -> dict[str, str]:
    """Take the Dags out of what a file gave that are another file's, which is an import error; dag id -> other file."""
    owners = {
        dag_id: owner
        for dag_id, owner in _stored(result, path, bundle, session).items()
        if (path.endswith(SUFFIXES) or owner.endswith(SUFFIXES)) and is_there(owner)
    }
    if owners:
        result.serialized_dags = [dag for dag in result.serialized_dags if dag.dag_id not in owners]
        problems = [
            Problem(Place(path), "dag_id", f"Dag '{dag_id}' is already defined in {owner}", code=Code.DAG_ID_TWICE)
            for dag_id, owner in sorted(owners.items())
        ]
        errors = dict(result.import_errors or {})
        errors[path] = "\n".join(
            [*([errors[path]] if path in errors else []), *(problem.with_code() for problem in problems)]
        )
        result.import_errors = errors
    return owners


def sole_owners(results: Mapping[str, DagFileParsingResult], bundle: str, session: Session) -> frozenset[str]:
    """Return the paths of results of which no Dag is another file's, by the database or by another result."""
    given = Counter(dag.dag_id for result in results.values() for dag in result.serialized_dags)
    active = select(DagModel.dag_id, DagModel.relative_fileloc).where(
        DagModel.dag_id.in_(given), DagModel.bundle_name == bundle, DagModel.is_stale.is_(False)
    )
    owners = dict(session.execute(active).tuples().all())
    return frozenset(
        path
        for path, result in results.items()
        if all(given[dag.dag_id] == 1 and owners.get(dag.dag_id, path) == path for dag in result.serialized_dags)
    )


def _stored(result: DagFileParsingResult, path: str, bundle: str, session: Session) -> dict[str, str]:
    """Read the other files from which active Dags of these ids were stored."""
    ids = [dag.dag_id for dag in result.serialized_dags]
    if not ids:
        return {}
    question = select(DagModel.dag_id, DagModel.relative_fileloc).where(
        DagModel.dag_id.in_(ids),
        DagModel.bundle_name == bundle,
        DagModel.relative_fileloc != path,
        DagModel.is_stale.is_(False),
    )
    return {dag_id: str(owner) for dag_id, owner in session.execute(question)}
