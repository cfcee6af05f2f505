"""Callbacks that run at least once: a dag-processor's claim on a callback stands in the callback's own row. [A]

A scheduler that ends a run, or fails a task that cannot speak for itself, stores a request; a dag-processor runs it in
the process that parses the Dag's file. Airflow's takes requests out of the table first, twenty at a time, and those
that it holds are gone when it dies. Here a row stays until its callback was run::

    no state ──claim──> running, and whose ──its process ended well──> deleted
        ^                   │
        └───────────────────┘ the dag-processor died, or the process did
                            └──> failed: it has cost three processes, or its request cannot be read

A claim names the component and its job. A dag-processor gives back at once what an earlier process of its own name had
claimed, and what belongs to a job that has ended or was silent for half a minute. A callback that may have cost a
process runs alone from then on.

Failure: a dag-processor dies between a callback's end and the removal of its row. The callback then runs again.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from airflow.jobs.job import Job
from airflow.models.db_callback_request import DbCallbackRequest
from airflow.utils.net import get_hostname
from airflow.utils.sqlalchemy import with_row_locks
from airflow.utils.state import CallbackState, JobState
from sqlalchemy import delete, func, or_, select

if TYPE_CHECKING:
    from airflow.callbacks.callback_requests import CallbackRequest
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

#: processes that one callback may cost, and dag-processors
MOST_CRASHES, MOST_CLAIMS = 3, 10
#: a job that was silent for this long has ended, seconds
SILENT_SECONDS = 30

#: callbacks that a dag-processor has to do something about
TO_DO = (DbCallbackRequest.type == "dag_processor") & or_(
    DbCallbackRequest.state.is_(None), DbCallbackRequest.state == CallbackState.RUNNING
)


@dataclass(frozen=True)
class Claim:
    """The dag-processor that runs the callback of a row, and the processes that it has cost."""

    by: str = ""
    job: int = 0
    claims: int = 0
    crashes: int = 0

    @classmethod
    def read(cls, text: str | None) -> Claim:
        """Read the claim in a row; an empty one when there is none."""
        try:
            return cls(**json.loads(text or "{}"))
        except (TypeError, ValueError):
            return cls()

    def text(self) -> str:
        """Return the claim as it is stored."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Claimed:
    """A request and the row that it came from."""

    request: CallbackRequest
    row: UUID
    #: processes that it, or what ran beside it, has cost before
    crashes: int = 0

    @property
    def is_suspect(self) -> bool:
        """Whether it may cost another process."""
        return self.crashes > 0


def own_name() -> str:
    """Return the name of this dag-processor in claims; a new process of the component has the same."""
    return f"{get_hostname()}/{os.environ.get('AIRFLEET_COMPONENT') or os.getpid()}"


def claim(session: Session, bundles: Collection[str], most: int, by: str, job: int) -> list[Claimed]:
    """Claim waiting callbacks of these bundles, the most urgent first; commits."""
    waiting = _locked(
        session,
        select(DbCallbackRequest)
        .where(DbCallbackRequest.state.is_(None), DbCallbackRequest.bundle_name.in_(bundles))
        .order_by(DbCallbackRequest.priority_weight.desc(), DbCallbackRequest.created_at)
        .limit(most),
    )
    claimed = [one for row in waiting if (one := _claim_one(row, by, job)) is not None]
    session.commit()
    return claimed


def _claim_one(row: DbCallbackRequest, by: str, job: int) -> Claimed | None:
    before = Claim.read(row.output)
    try:
        request = row.get_callback_request()
    except Exception:
        log.exception("The request of callback %s cannot be read; it is given up", row.id)
        row.state = CallbackState.FAILED
        return None
    row.state = CallbackState.RUNNING
    row.output = replace(before, by=by, job=job, claims=before.claims + 1).text()
    return Claimed(request, row.id, before.crashes)


def release_dead(session: Session, by: str, job: int) -> int:
    """Give back what was claimed by dag-processors that are no more; how many there were. Commits."""
    running = _locked(session, select(DbCallbackRequest).where(DbCallbackRequest.state == CallbackState.RUNNING))
    claims = {row.id: Claim.read(row.output) for row in running}
    alive = _alive(session, {one.job for one in claims.values()} - {job})
    dead = [
        row
        for row in running
        if claims[row.id].job != job and (claims[row.id].by == by or claims[row.id].job not in alive)
    ]
    for row in dead:
        _give_back(row, claims[row.id])
    session.commit()
    return len(dead)


def _alive(session: Session, jobs: Collection[int]) -> set[int]:
    """Return those of these jobs that run, by the database's clock."""
    if not jobs:
        return set()
    recent = Job.latest_heartbeat > func.now() - timedelta(seconds=SILENT_SECONDS)
    return set(session.scalars(select(Job.id).where(Job.id.in_(jobs), Job.state == JobState.RUNNING, recent)))


def done(session: Session, rows: Collection[UUID]) -> None:
    """Forget callbacks that were run; commits."""
    session.execute(delete(DbCallbackRequest).where(DbCallbackRequest.id.in_(rows)))
    session.commit()


def crashed(session: Session, rows: Collection[UUID]) -> None:
    """Give back callbacks whose process ended before they had; commits."""
    for row in _locked(session, select(DbCallbackRequest).where(DbCallbackRequest.id.in_(rows))):
        before = Claim.read(row.output)
        _give_back(row, replace(before, crashes=before.crashes + 1))
    session.commit()


def _give_back(row: DbCallbackRequest, claim: Claim) -> None:
    row.output = replace(claim, by="", job=0).text()
    if claim.crashes >= MOST_CRASHES or claim.claims >= MOST_CLAIMS:
        log.error("Callback %s is given up; it has cost %s processes", row.id, max(claim.crashes, claim.claims))
        row.state = CallbackState.FAILED
    else:
        row.state = None


def first_batch(claimed: Sequence[Claimed]) -> tuple[Sequence[Claimed], Sequence[Claimed]]:
    """Split off the callbacks of one process: all that never cost one, else the least suspect alone."""
    unsuspected = [one for one in claimed if not one.is_suspect]
    if unsuspected:
        return unsuspected, [one for one in claimed if one.is_suspect]
    ordered = sorted(claimed, key=lambda one: one.crashes)
    return ordered[:1], ordered[1:]


def _locked(session: Session, query: object) -> list[DbCallbackRequest]:
    locked = with_row_locks(query, of=DbCallbackRequest, session=session, skip_locked=True)  # type: ignore[arg-type]
    return list(session.scalars(locked))


def rows(claimed: Iterable[Claimed]) -> list[UUID]:
    """Return the rows of these."""
    return [one.row for one in claimed]
