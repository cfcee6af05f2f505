"""The components of a host that sleep, as the agent's loop sees them: who may, who does, who has to be started.

::

    component: nothing to do ──record──> ends with exit code 0
    agent:     reads the record ──> sleeping ──work, change, caller──> waiting ──fork──> starting ──> ready

A record counts only if it has the pid of the process that ended. So a component that dies is started again as after
any death, however it dies.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable
from dataclasses import dataclass, field

from airfleet.agent.context import AgentContext
from airfleet.agent.probes.database_connection import Queries
from airfleet.agent.sleep.listeners import Listeners
from airfleet.agent.sleep.sleeper import Asleep, Cause, Sleeper
from airfleet.agent.sleep.watch import SleepWatch
from airfleet.agent.states import State
from airfleet.agent.supervisor.components import Components
from airfleet.agent.supervisor.process import Running
from airfleet.events import Event
from airfleet.fleet.planning.plan import JobBeats, Wake
from airfleet.spool import job_marks, sleep_records
from airfleet.spool.job_marks import JobMark
from airfleet.spool.sleep_records import SleepRecord


@dataclass
class Sleepers:
    """Moves components to sleep and wakes them. ``wake`` wakes the loop from another thread."""

    context: AgentContext
    components: Components
    watch: SleepWatch
    listeners: Listeners
    _asleep: dict[str, Sleeper] = field(default_factory=dict)
    #: marks of processes that have ended
    _marks: dict[str, JobMark] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        context: AgentContext,
        components: Components,
        database: Queries,
        selector: selectors.BaseSelector,
        wake: Callable[[], None],
        hostname: Callable[[], str],
    ) -> Sleepers:
        """Make them for a host."""
        made = cls(
            context, components, SleepWatch(database, context.log, context.clock, wake, hostname), Listeners(selector)
        )
        components.listeners.append(made._note_change)
        return made

    def falls_asleep(self, running: Running, pid: int | None, exit_code: int | None) -> bool:
        """Tell whether a process has ended because it had nothing to do; the component sleeps then."""
        folder = self.context.paths.airflow_home
        record = sleep_records.read(folder, running.name) if running.component.sleep and exit_code == 0 else None
        if record is None or record.pid != pid or running.state == State.STOPPING:
            return False
        sleep_records.forget(folder, running.name)
        mark = job_marks.read_job(folder, running.name)
        self._sleep(running, record, mark if mark and mark.pid == pid else None)
        return True

    def starts_asleep(self, running: Running) -> bool:
        """Tell whether a component that waits for its first start sleeps instead."""
        sleep = running.component.sleep
        if sleep is None or not sleep.from_start or running.first_start is not None:
            return False
        if sleep.until is Wake.ASKED and not self.listeners.open(running.name, sleep.listens):
            return False  # it finds the same, and says so
        running.first_start = self.context.clock()
        self._sleep(running, SleepRecord(running.name, 0), None)
        return True

    def wake(self) -> None:
        """Have the components start that have work."""
        woken = {**self.watch.woken(), **dict.fromkeys(self.listeners.called(), Cause.CALLER)}
        for name, cause in woken.items():
            self.wake_up(name, cause)

    def wake_up(self, name: str, cause: Cause) -> bool:
        """Have a component start that sleeps; tell whether it did."""
        sleeper, running = self._asleep.pop(name, None), self.components.get(name)
        if sleeper is None or running is None or running.state != State.SLEEPING:
            return False
        self.watch.remove(sleeper)
        self.listeners.rest(name)
        self.context.log(Event.COMPONENT_WOKEN, component=name, why=cause.value)
        running.move_to(State.WAITING, self.context.clock())
        return True

    def wake_for_person(self, name: str) -> bool:
        """Have a component start that sleeps; tell whether it did."""
        return self.wake_up(name, Cause.PERSON)

    def listener(self, name: str) -> int | None:
        """Return the descriptor of the socket that a component inherits; None without one."""
        return self.listeners.descriptor(name)

    def hear(self) -> None:
        """Look for work now. Any thread may call this."""
        self.watch.hear()

    def close(self) -> None:
        """End the sleep of all in good order; nobody is started any more."""
        self._asleep.clear()
        self.watch.close()
        self.listeners.close()
        for mark in self._marks.values():
            job_marks.remove_job(self.context.paths.airflow_home, mark)

    def _sleep(self, running: Running, record: SleepRecord, mark: JobMark | None) -> None:
        sleep = running.component.sleep
        assert sleep is not None, "only these leave records"
        now = self.context.clock()
        if mark is not None:
            self._marks[running.name] = mark
        probe = running.component.probe
        job_type = probe.job_type if isinstance(probe, JobBeats) else ""
        sleeper = Sleeper(running.name, sleep.until, record, now, mark.number if mark else None, job_type)
        self._asleep[running.name] = sleeper
        running.move_to(State.SLEEPING, now, Asleep(sleep.until))
        self.watch.add(sleeper)
        self.listeners.watch(running.name)

    def _note_change(self, running: Running) -> None:
        """End the job of the process before once another one has its own: at any time health finds one of them."""
        if running.component.sleep is not None and running.state in (State.READY, State.GAVE_UP):
            self.watch.end_job(running.name)
