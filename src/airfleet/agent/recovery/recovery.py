"""Recovery on one host: deaths are told to the database, and results that their workers could not tell are carried.

The agent's loop reports deaths and returns at once; everything that waits for the database runs in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from airfleet.agent.context import AgentContext
from airfleet.agent.probes.database_connection import Queries
from airfleet.agent.recovery.job_fencing import JobFencing
from airfleet.agent.recovery.outbox_relay import OutboxRelay
from airfleet.agent.recovery.result_uploader import ResultUploader
from airfleet.spool.outbox import FOLDER


class AttemptRecovery:
    """Fencing, the relay of the outbox and the upload of results. ``urls`` gives those of the execution API."""

    def __init__(
        self, context: AgentContext, database: Queries, hostname: str, urls: Callable[[], Sequence[str]]
    ) -> None:
        self._context = context
        self._database = database
        self._urls = urls
        self._results = ResultUploader(context.paths.outcomes, database, context.clock)
        self._fencing = self._fencing_of(hostname)

    def start(self) -> None:
        """Begin to tell the database of deaths, those of an earlier agent first."""
        if self._context.plan.database_url:
            self._fencing.start()

    def died(self, kind: str, name: str, pid: int) -> None:
        """Tell the database that a component's process has ended."""
        self._fencing.died(kind, name, pid)

    def upload_results(self) -> None:
        """Have results uploaded that workers left on this host."""
        self._results.look()

    def begin_incarnation(self, hostname: str) -> None:
        """Look after the attempts of another incarnation of this host; those of the old one are no longer its own."""
        self._fencing.close()
        self._fencing = self._fencing_of(hostname)
        self._fencing.start()

    def close(self) -> None:
        """Tell the database no more; the next start tells the rest."""
        self._fencing.close()

    def _fencing_of(self, hostname: str) -> JobFencing:
        context = self._context
        relay = OutboxRelay(context.paths.airflow_home / FOLDER, self._urls, context.log)
        return JobFencing(
            self._database,
            hostname,
            context.paths.airflow_home,
            context.log,
            self._results.carry,
            relay.tell,
            context.plan.silence_seconds,
        )
