"""Channels on which PostgreSQL notifies schedulers of committed changes, each once for a transaction (and run).

The payload is ``dag_id`` and ``run_id`` with a unit separator between. Without a ``run_id`` it names all runs of the
Dag; an empty payload names none. A scheduler's own steps, *scheduled* to *queued* and *running*, notify nobody: no
scheduler can act on them.
"""

from __future__ import annotations

from typing import Final

#: a Dag may be due for a run: a new or changed schedule, an unpaused Dag, asset events, a backfill
DAGS: Final = "airfleet_dags"
#: a run was made, queued, or has ended, so that a run may start
RUNS: Final = "airfleet_runs"
#: tasks of the run in the payload ended or may be scheduled; or slots of a pool changed
TASKS: Final = "airfleet_tasks"
#: a callback or the test of a connection waits
OTHER: Final = "airfleet_other"
#: a scheduler ended or was found dead, and another one has to look after what it queued
JOBS: Final = "airfleet_jobs"
#: attempts lost their processes (:mod:`airfleet.metadata.lost_attempts`); a payload: a worker died, perhaps with
#: messages that it had taken
LOST: Final = "airfleet_lost"
#: a release was published, went live, or a host has it now; its payloads are :mod:`airfleet.releases.news`
RELEASES: Final = "airfleet_releases"
#: a component that sleeps may have work: a trigger came, somebody wants a file parsed, or a triggerer or dag-processor
#: is no more and left something; no payload. Agents listen, to this and to ``OTHER``
SLEEPERS: Final = "airfleet_sleepers"
#: those that a scheduler listens to
CHANNELS: Final = (DAGS, RUNS, TASKS, OTHER, JOBS, LOST, RELEASES)

SEPARATOR: Final = "\x1f"
