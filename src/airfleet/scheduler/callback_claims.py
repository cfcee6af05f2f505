"""Claims of schedulers on callbacks that run in the executor. [A]

The callback of a missed deadline runs where tasks run (``SyncCallback``). Airflow's scheduler keeps its knowledge of
such a callback in memory: when it dies, the row stays *queued* for ever. Here a row beside it names the scheduler that
queued it::

    pending ──queued, and claimed for the scheduler's job, in one transaction──> queued ──its end is told──> over
       ^                                                                           │
       └──────────────the job runs no more, or has lost sight of it────────────────┘

A scheduler that takes over a queued callback first looks for its message, whose id is the callback's own
(:meth:`airfleet.scheduler.executor.FleetExecutor.take_over`).

Several schedulers look at the same table; one at a time queues (an advisory lock), or each would queue all of them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from airfleet.metadata.advisory_locks import CALLBACKS

_LOCK = text("SELECT pg_try_advisory_xact_lock(:id)")
_WAITING = text("""
SELECT id, EXISTS (SELECT FROM airfleet_callback WHERE callback_id = callback.id)
FROM callback WHERE type = 'executor' AND state = 'pending'
""")
_CLAIM = text("""
INSERT INTO airfleet_callback (callback_id, job_id) SELECT unnest(CAST(:ids AS uuid[])), :job
ON CONFLICT (callback_id) DO UPDATE SET job_id = excluded.job_id
""")
_GIVE_BACK = text("""
UPDATE callback SET state = 'pending' WHERE type = 'executor' AND state IN ('queued', 'running') AND NOT EXISTS (
    SELECT FROM airfleet_callback AS claim JOIN job ON job.id = claim.job_id
    WHERE claim.callback_id = callback.id AND job.state = 'running'
    AND (job.id <> :job OR callback.id = ANY(CAST(:known AS uuid[])))
)
""")
_FORGET = text("""
DELETE FROM airfleet_callback WHERE NOT EXISTS (
    SELECT FROM callback WHERE id = callback_id AND state IN ('pending', 'queued', 'running')
)
""")


def give_back(session: Session, job: int, known: Collection[UUID]) -> int:
    """Have those queued again that no scheduler sees to; how many there are.

    ``job`` is the scheduler that asks, ``known`` what it sees to. The caller commits.
    """
    session.execute(_FORGET)
    found: Any = session.execute(_GIVE_BACK, {"job": job, "known": [str(one) for one in known]})
    return int(found.rowcount)


def waiting(session: Session) -> dict[UUID, bool]:
    """Return the callbacks that wait for an executor, and whether each was queued before."""
    return {found: bool(before) for found, before in session.execute(_WAITING)}


def may_queue(session: Session) -> bool:
    """Tell whether no other scheduler queues callbacks until the end of this transaction."""
    return bool(session.scalar(_LOCK, {"id": CALLBACKS}))


def claim(session: Session, job: int, callbacks: Collection[UUID]) -> None:
    """Say that a scheduler sees to these; the caller commits."""
    session.execute(_CLAIM, {"ids": [str(one) for one in callbacks], "job": job})
