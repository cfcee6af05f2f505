"""Rows of Dags that move to a release without a parse, and the release of a run. [A]"""

from __future__ import annotations

from collections.abc import Iterable

from airflow.callbacks.callback_requests import CallbackRequest, DagCallbackRequest
from airflow.models.dagrun import DagRun
from sqlalchemy import select, text
from sqlalchemy.orm import Session

#: the Dags of files that are the same in the new release, and the newest version of each
_MOVE = text("""
WITH moved AS (
    UPDATE dag SET bundle_version = :release, fileloc = :folder || '/' || relative_fileloc
    WHERE bundle_name = :bundle AND relative_fileloc = ANY(:files) AND bundle_version IS DISTINCT FROM :release
    RETURNING dag_id
)
UPDATE dag_version SET bundle_version = :release FROM moved
WHERE dag_version.dag_id = moved.dag_id AND dag_version.version_number = (
    SELECT max(newest.version_number) FROM dag_version newest WHERE newest.dag_id = moved.dag_id
)
""")


def move(session: Session, bundle: str, release: str, folder: str, files: Iterable[str]) -> None:
    """Let new runs of the Dags of these files take ``release``, whose folder of pipelines is ``folder``."""
    values = {"bundle": bundle, "release": release, "folder": folder, "files": sorted(files)}
    session.execute(_MOVE, values)


def of_run(session: Session, request: CallbackRequest) -> str | None:
    """Return the release of the run that a callback is about; that of the request when the run is gone."""
    about = request if isinstance(request, DagCallbackRequest) else request.ti
    where = DagRun.dag_id == about.dag_id, DagRun.run_id == about.run_id
    found = session.execute(select(DagRun.bundle_version).where(*where)).one_or_none()
    return request.bundle_version if found is None else found[0]
