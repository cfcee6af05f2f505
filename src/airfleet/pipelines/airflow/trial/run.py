"""A case of a test file: its Dag is built and run in this process, one task after the other.

::

    Ready ─ dag.build ─→ DAG ─ mocks ─→ tasks, upstream first ─ trigger rule ─→ tries ─→ Outcome ─ verdict ─→ problems
"""

from __future__ import annotations

import datetime as dt
import graphlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pendulum
from airflow.sdk import DAG, DagRunState, TriggerRule
from airflow.sdk.api.datamodels._generated import DagRun, DagRunType
from airflow.sdk.exceptions import ParamValidationError
from airflow.sdk.execution_time.supervisor import set_supervisor_comms
from airflow.serialization.encoders import coerce_to_core_timetable

from airfleet.errors import FileProblems, Problem
from airfleet.pipelines.airflow import dag as dags
from airfleet.pipelines.airflow.trial import attempts, copies, run_callbacks, stand_ins, surroundings
from airfleet.pipelines.airflow.trial.attempts import Round
from airfleet.pipelines.airflow.trial.supervisor import MemorySupervisor
from airfleet.pipelines.airflow.trial.surroundings import TookTooLong
from airfleet.pipelines.cases import trigger_rules
from airfleet.pipelines.cases.checks import Ready
from airfleet.pipelines.cases.spec import Case, Outcome, TaskOutcome
from airfleet.pipelines.cases.verdict import unmet
from airfleet.pipelines.language.spec import Pipeline
from airfleet.pipelines.local.participation import absences


def verdict(ready: Ready, zone: dt.tzinfo = dt.UTC) -> tuple[Problem, ...]:
    """Run a case, and list the expectations that are not met."""
    try:
        outcome = outcome_of(ready, zone)
    except FileProblems as error:
        case = ready.case
        sentence = f"{case.pipeline} is wrong: {error.problems[0].sentence}"
        return (_problem(case, "pipeline", sentence, f"airfleet check {case.pipeline}"),)
    except ParamValidationError as error:
        return (_problem(ready.case, "params", f"the params are wrong: {error}"),)
    except TookTooLong as error:
        return (_problem(ready.case, "timeout", str(error)),)
    return unmet(ready.case, outcome)


def _problem(case: Case, path: str, sentence: str, hint: str | None = None) -> Problem:
    return Problem(case.place(path), f"{case.path}.{path}", sentence, hint)


def outcome_of(ready: Ready, zone: dt.tzinfo = dt.UTC) -> Outcome:
    """Run a case to its end.

    Raises:
        FileProblems: Airflow's operators refuse the pipeline.
        TookTooLong: the tasks took longer than the case allows.
    """
    case, pipeline = ready.case, ready.pipeline
    with surroundings.environment_of(case):
        dag = dags.build(pipeline)
        date = case.date or dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        supervisor = MemorySupervisor(dag.dag_id, f"manual__{date.isoformat()}", case.variables)
        arguments = {task.id: tuple(task.args) for task in pipeline.tasks}
        deadline = surroundings.Deadline(case.timeout)
        round_ = Round(_dag_run(dag, case, date, supervisor.run_id), supervisor, deadline, arguments)
        absent = frozenset(absence.task for absence in absences(pipeline, date, zone))
        trial = _Trial(dag, round_, case, pipeline, absent)
        with set_supervisor_comms(supervisor), surroundings.signals_kept():
            outcome = trial.run()
        deadline.check()  # a task may fail of the alarm, or bear it
        return outcome


def _dag_run(dag: DAG, case: Case, date: dt.datetime, run_id: str) -> DagRun:
    interval = coerce_to_core_timetable(dag.timetable).infer_manual_data_interval(run_after=pendulum.instance(date))
    now = case.now or date
    return DagRun(
        dag_id=dag.dag_id,
        run_id=run_id,
        logical_date=date,
        data_interval_start=interval.start if interval else date,
        data_interval_end=interval.end if interval else date,
        run_after=now,
        start_date=now,
        end_date=None,
        run_type=DagRunType.MANUAL,
        state=DagRunState.RUNNING,
        conf=dict(case.params) or None,
        consumed_asset_events=[],
        partition_key=None,
    )


@dataclass
class _Trial:
    """One run, and what became of its tasks so far."""

    dag: DAG
    round: Round
    case: Case
    pipeline: Pipeline
    #: tasks whose dates the run is not between
    absent: frozenset[str]
    done: dict[str, TaskOutcome] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def run(self) -> Outcome:
        rendered = self._rendered_for_mocks()
        stand_ins.replace_by_mocks(self.dag, self.case.mocks)
        for task_id in self._upstream_first():
            if task_id in self.absent:
                continue
            self.done[task_id] = self._whole(self.dag.task_dict[task_id], rendered.get(task_id))
            if self.dag.fail_fast and self.done[task_id].state == "failed":
                self._stop()
        state = self._state()
        run_callbacks.call(self.dag, state, self.done, self.round)
        return Outcome(state, self.done, tuple(self.order))

    def _upstream_first(self) -> Iterator[str]:
        graph = {task.task_id: task.upstream_task_ids for task in self.dag.tasks}
        place = {task.id: index for index, task in enumerate(self.pipeline.tasks)}
        sorter = graphlib.TopologicalSorter(graph)
        sorter.prepare()
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=lambda name: place.get(name, 0))
            yield from ready
            sorter.done(*ready)

    def _rendered_for_mocks(self) -> dict[str, Any]:
        """Keep the tasks whose arguments a case wants to see although they are mocked."""
        wanted = {name for name, expected in self.case.expected.tasks.items() if expected.rendered}
        return {name: self.dag.task_dict[name] for name in wanted & self.case.mocks.keys()}

    def _whole(self, task: Any, original: Any) -> TaskOutcome:
        """Run a task, or all copies of one that is repeated."""
        if decided := self._decided(task, None):
            return TaskOutcome(decided)
        if not copies.is_repeated(task):
            return self._one(task, -1, original)
        ti = attempts.instance(task, -1, 1, self.round)
        try:
            count = copies.count(task, ti.get_template_context())
        except Exception as error:  # whatever reading the outputs raises fails the task, as in Airflow
            return TaskOutcome("failed", error=attempts.told(error))
        self.round.supervisor.copies[task.task_id] = count
        made = tuple(self._copy(task, index) for index in range(count))
        if not made:
            return TaskOutcome("skipped")
        return _together(made)

    def _copy(self, task: Any, index: int) -> TaskOutcome:
        decided = self._decided(task, index)
        return TaskOutcome(decided) if decided else self._one(task, index, None)

    def _one(self, task: Any, index: int, original: Any) -> TaskOutcome:
        if index < 1:
            self.order.append(task.task_id)
        arguments = self._arguments(original) if original is not None else None
        made = attempts.carried_out(task, index, self.round)
        if arguments is None:
            return made
        return TaskOutcome(made.state, made.returned, made.outputs, arguments, made.error, made.tries)

    def _arguments(self, original: Any) -> Mapping[str, Any]:
        """Render a mocked task, without running it."""
        ti = attempts.instance(original.prepare_for_execution(), -1, 1, self.round)
        ti.render_templates(ti.get_template_context(), original.dag.get_template_env())
        return attempts.rendered(ti.task, self.round.arguments.get(ti.task_id, ()))

    def _decided(self, task: Any, index: int | None) -> str | None:
        """Give the state of a task that does not run: it is skipped, or its trigger rule says so."""
        skipped = self.round.supervisor.skipped
        if (task.task_id, -1) in skipped or (index is not None and (task.task_id, index) in skipped):
            return "skipped"
        upstream = [up for up in task.upstream_task_ids if up in self.done]
        if index is None and any(copies.shares_copies(task, self.dag.task_dict[up]) for up in upstream):
            return None  # each copy is judged by the copies before it
        states = [state for up in upstream for state in self._states(task, up, index)]
        setups = [
            state for up in upstream if self.dag.task_dict[up].is_setup for state in self._states(task, up, index)
        ]
        if any(state in trigger_rules.WAITING for state in states):
            return "none"
        decision = trigger_rules.decide(TriggerRule(task.trigger_rule).value, states, setups)
        return None if decision == "run" else decision

    def _states(self, task: Any, upstream: str, index: int | None) -> list[str]:
        found = self.done[upstream]
        if index is not None and found.copies and copies.shares_copies(task, self.dag.task_dict[upstream]):
            return [found.copies[index].state] if index < len(found.copies) else []
        return [copy.state for copy in found.copies] or [found.state]

    def _stop(self) -> None:
        """End the run after a failure: everything but teardowns is skipped (``fail_fast``)."""
        left = (task for task in self.dag.tasks if task.task_id not in self.done and not task.is_teardown)
        self.round.supervisor.skipped |= {(task.task_id, -1) for task in left}

    def _state(self) -> str:
        """Judge the run by its last tasks, as Airflow does."""
        last = [self.done[task.task_id] for task in self.dag.tasks if task.task_id in self.done and self._is_last(task)]
        return "success" if all(task.state in ("success", "skipped") for task in last) else "failed"

    def _is_last(self, task: Any) -> bool:
        after = [self.dag.task_dict[name] for name in task.downstream_task_ids]
        if any(not one.is_teardown or one.on_failure_fail_dagrun for one in after):
            return False
        return not task.is_teardown or task.on_failure_fail_dagrun


def _together(made: tuple[TaskOutcome, ...]) -> TaskOutcome:
    """Make one outcome of a task from those of its copies: the worst state, and a list of what they returned."""
    order = ("failed", "upstream_failed", "success", "skipped")
    states = {one.state for one in made}
    state = next((state for state in order if state in states), made[0].state)
    error = next((one.error for one in made if one.error), None)
    returned = [one.returned for one in made if one.state == "success"]
    return TaskOutcome(state, returned, error=error, tries=max(one.tries for one in made), copies=made)
