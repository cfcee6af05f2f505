"""Every difference between stock Airflow and a fleet that is meant; docs/explanation/semantics.md says the same."""

from __future__ import annotations

import re

from semantics.comparing import Decision

_LOADED_BEFORE = "A task's log does not say that its Dag file is read, because it was read before the task began."
_CELERY_S_HANDLERS = (
    "A task's process has no signal handlers of Celery: SIGHUP and SIGUSR1 end it, as they end any program."
)

_PARSED = re.compile(r"^info\*? Worker startup parse complete ")
_PARSED_OR_KILLED = re.compile(rf"{_PARSED.pattern}|^error Task killed!$")
_LAST_WORDS = (
    'Whether the log of a task that somebody ended says "Task killed!" is decided by a race in Airflow itself, between '
    "its process and the reader of what it writes."
)

DECISIONS: tuple[Decision, ...] = (
    Decision(
        re.compile(r"/log/airflow\.dag_processing\.(bundles\.manager\.DagBundlesManager|dagbag\.)"), _LOADED_BEFORE
    ),
    Decision(re.compile(r"/log/task$"), _LOADED_BEFORE, lines=_PARSED),
    Decision(re.compile(r"^killed_.*/log/task$"), _LAST_WORDS, lines=_PARSED_OR_KILLED),
    Decision(re.compile(r"^exits_by_signal/tasks/(SIGHUP|SIGUSR1)/tries/1/log/task$"), _CELERY_S_HANDLERS),
)
