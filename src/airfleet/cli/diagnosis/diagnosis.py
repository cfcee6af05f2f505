"""The verdict on a run: what failed or waits, why, and what to do next. Pure: facts in, findings out."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from airfleet.agent.control import ComponentStatus
from airfleet.agent.states import FINE, LABELS
from airfleet.cli.diagnosis import failure_patterns, wait_reasons
from airfleet.cli.diagnosis.facts import RunFacts, key
from airfleet.cli.output import terminal
from airfleet.cli.queries import api_queries
from airfleet.cli.queries.api_queries import Json

WAITING = frozenset({None, "scheduled", "queued", "deferred", "up_for_reschedule", "awaiting_input"})


class FindingKind(enum.StrEnum):
    """The sort of a finding, for programs."""

    FAILED = "failed"
    RETRYING = "retrying"
    TIMED_OUT = "timed_out"
    IMPORT_ERROR = "import_error"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    NOT_DUE = "not_due"
    NO_RUN = "no_run"

    @property
    def is_of_a_failed_task(self) -> bool:
        """Whether an attempt of a task failed, which has a log."""
        return self in (FindingKind.FAILED, FindingKind.RETRYING)


@dataclass(frozen=True)
class RunFinding:
    """One thing to know. ``kind`` is for programs, the sentences are for people."""

    kind: FindingKind
    sentence: str
    tasks: tuple[str, ...] = ()
    cause: str = ""
    advice: str = ""
    exception: str = ""
    frames: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    next: str = ""


@dataclass(frozen=True)
class RunVerdict:
    """The state of a run in a sentence, and the findings behind it."""

    dag_id: str
    run_id: str | None
    state: str
    sentence: str
    findings: tuple[RunFinding, ...] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """Return a plain value for programs."""
        return asdict(self)


def judge(facts: RunFacts) -> RunVerdict:
    """Return the verdict on the run that the facts are about."""
    findings = tuple(_findings(facts))
    run = facts.run
    return RunVerdict(
        facts.dag["dag_id"],
        run["dag_run_id"] if run else None,
        run["state"] if run else "no_run",
        _headline(facts),
        findings,
    )


def _headline(facts: RunFacts) -> str:
    dag_id, run = facts.dag["dag_id"], facts.run
    if run is None:
        return f"Dag '{dag_id}' has not run yet"
    took = api_queries.seconds(run, facts.now)
    time = f" after {terminal.seconds(took)}" if took is not None else ""
    ends = {"success": f"succeeded{time}", "failed": f"failed{time}", "queued": "is queued"}
    since = f"has been running for {terminal.seconds(took)}" if took is not None else "is running"
    return f"run {run['dag_run_id']} of '{dag_id}' {ends.get(run['state'], since)}"


def _findings(facts: RunFacts) -> Iterator[RunFinding]:
    dag_id = facts.dag["dag_id"]
    if facts.import_error:
        yield RunFinding(FindingKind.IMPORT_ERROR, facts.import_error, next="airfleet check")
    over = facts.run is not None and facts.run["state"] in api_queries.FINISHED
    if facts.dag["is_paused"] and not over:
        yield RunFinding(
            FindingKind.PAUSED,
            f"Dag '{dag_id}' is paused: nothing of it starts",
            next=f"airfleet trigger {dag_id} --unpause",
        )
    if facts.run is None:
        yield from _no_run(facts)
        return
    yield from _failed(facts)
    if facts.run["state"] == "failed":
        yield from _failed_without_a_task(facts)
    elif facts.run["state"] == "queued":
        yield from _queued_run(facts)
    elif facts.run["state"] == "running":
        yield from _waiting(facts)


def _no_run(facts: RunFacts) -> Iterator[RunFinding]:
    dag_id, due = facts.dag["dag_id"], api_queries.moment(facts.dag.get("next_dagrun_run_after"))
    trigger = f"airfleet trigger {dag_id} --wait"
    if due is not None and due > facts.now:
        wait = terminal.seconds((due - facts.now).total_seconds())
        yield RunFinding(FindingKind.NOT_DUE, f"its first run is due at {_at(due)}, in {wait}", next=trigger)
    elif facts.dag["is_paused"] and due is not None:
        return  # said already
    elif due is not None:
        yield from _unwell(facts, ("scheduler", "dag-processor"))
        yield RunFinding(
            FindingKind.NO_RUN,
            f"a run has been due since {_at(due)}; the scheduler has not made it yet",
            next="airfleet status",
        )
    elif due is None and facts.dag.get("timetable_summary") in (None, "", "None"):
        yield RunFinding(FindingKind.NO_RUN, "it has no schedule: it runs when it is triggered", next=trigger)
    else:
        yield RunFinding(
            FindingKind.NO_RUN,
            "nothing is due: its schedule has no further run, or it waits for an asset",
            next=trigger,
        )


def _failed(facts: RunFacts) -> Iterator[RunFinding]:
    """Yield one finding for each task that failed; those that did not run because of it are named with it."""
    for instance in facts.instances:
        if instance["state"] in ("failed", "up_for_retry"):
            yield _failure(facts, instance)


def _failure(facts: RunFacts, instance: Json) -> RunFinding:
    log = facts.logs.get(key(instance))
    cause = _cause(facts, instance)
    dag_id, run_id = instance["dag_id"], instance["dag_run_id"]
    again = instance["state"] == "up_for_retry"
    return RunFinding(
        kind=FindingKind.RETRYING if again else FindingKind.FAILED,
        sentence=_failure_sentence(facts, instance),
        tasks=(api_queries.name(instance),),
        cause=cause.sentence if cause else "",
        advice=cause.advice if cause else "",
        exception=log.exception if log else "",
        frames=log.frames if log else (),
        log=log.lines if log else (),
        next=f"airfleet why {dag_id} {run_id}" if again else f"airfleet trigger {dag_id} --wait",
    )


def _cause(facts: RunFacts, instance: Json) -> failure_patterns.FailureCause | None:
    log = facts.logs.get(key(instance))
    if log is None:
        return None
    if log.missing_dag and not log.exception:
        return failure_patterns.missing_dag(instance.get("hostname") or "", facts.folder, log.missing_dag)
    return failure_patterns.likely(log.exception, log.lines)


def _failure_sentence(facts: RunFacts, instance: Json) -> str:
    number, most = instance.get("try_number") or 1, (instance.get("max_tries") or 0) + 1
    took = api_queries.seconds(instance, facts.now)
    sentence = f"task '{api_queries.name(instance)}' failed"
    if took is not None:
        sentence += f" after {terminal.seconds(took)}"
    if most > 1:
        sentence += f" (attempt {number} of {max(most, number)})"
    if instance["state"] == "up_for_retry":
        return f"{sentence} and will be tried again"
    behind = [
        ti for ti in facts.instances if ti["state"] == "upstream_failed" and _depends(facts, ti, instance["task_id"])
    ]
    if behind:
        sentence += f"; because of it {_named(behind)} did not run"
    return sentence


def _depends(facts: RunFacts, instance: Json, on: str) -> bool:
    seen, todo = set(), [instance["task_id"]]
    while todo:
        for up in facts.upstream.get(todo.pop(), ()):
            if up == on:
                return True
            if up not in seen:
                seen.add(up)
                todo.append(up)
    return False


def _failed_without_a_task(facts: RunFacts) -> Iterator[RunFinding]:
    assert facts.run is not None
    if any(ti["state"] == "failed" for ti in facts.instances):
        return
    limit = facts.dag.get("dag_run_timeout")
    if limit:
        yield RunFinding(
            FindingKind.TIMED_OUT, f"no task failed: the run took longer than dagrun_timeout allows ({limit})"
        )
    else:
        yield RunFinding(
            FindingKind.FAILED, "no task failed: the run was set to failed, or its tasks were removed from the Dag"
        )


def _queued_run(facts: RunFacts) -> Iterator[RunFinding]:
    assert facts.run is not None
    after = api_queries.moment(facts.run.get("run_after"))
    most = facts.dag.get("max_active_runs")
    if after is not None and after > facts.now:
        yield RunFinding(FindingKind.NOT_DUE, f"it may not start before {_at(after)}")
    elif most and facts.active_runs >= most:
        running = f"{facts.active_runs} {'run' if facts.active_runs == 1 else 'runs'} of the Dag"
        yield RunFinding(FindingKind.WAITING, f"{running} must end first: max_active_runs is {most}")
    elif not facts.dag["is_paused"]:
        yield from _unwell(facts, ("scheduler",))
        yield RunFinding(FindingKind.WAITING, "the scheduler has not started it yet", next="airfleet status")


def _waiting(facts: RunFacts) -> Iterator[RunFinding]:
    """Tell what runs, and why each task that could run does not."""
    yield from (_running(facts, ti) for ti in facts.instances if ti["state"] in ("running", "restarting"))
    yield from _unwell(facts, ("scheduler", "worker"))
    held_up: list[Json] = []
    behind: list[Json] = []
    for instance in (ti for ti in facts.instances if ti["state"] in WAITING):
        (behind if open_upstream(facts, instance) else held_up).append(instance)
    yield from _held_up(facts, held_up)
    if behind:
        yield _behind(facts, behind)


def _running(facts: RunFacts, instance: Json) -> RunFinding:
    name, took = api_queries.name(instance), terminal.seconds(api_queries.seconds(instance, facts.now))
    host = f" on {instance['hostname']}" if instance.get("hostname") else ""
    return RunFinding(FindingKind.RUNNING, f"task '{name}' has been running for {took or '0s'}{host}", (name,))


def _held_up(facts: RunFacts, waiting: Sequence[Json]) -> Iterator[RunFinding]:
    """Explain why tasks that could run wait; those with the same reason together."""
    reasons: dict[wait_reasons.WaitReason, list[Json]] = {}
    for instance in waiting:
        reasons.setdefault(wait_reasons.reason(facts, instance), []).append(instance)
    for why, instances in reasons.items():
        verb = "waits" if len(instances) == 1 else "wait"
        sentence = f"{_named(instances)} {verb}: {why.sentence}"
        names = tuple(map(api_queries.name, instances))
        yield RunFinding(FindingKind.WAITING, sentence, names, advice=why.advice, next=why.next)


def _behind(facts: RunFacts, behind: Sequence[Json]) -> RunFinding:
    first = behind[0]
    ups = ", ".join(f"'{up}'" for up in open_upstream(facts, first))
    verb = "waits" if len(behind) == 1 else "wait"
    sentence = f"{_named(behind)} {verb} for tasks before {'it' if len(behind) == 1 else 'them'}"
    return RunFinding(
        FindingKind.WAITING, f"{sentence} ('{api_queries.name(first)}' for {ups})", tuple(map(api_queries.name, behind))
    )


def open_upstream(facts: RunFacts, instance: Json) -> tuple[str, ...]:
    """List the tasks before this one that are not over yet."""
    still = {ti["task_id"] for ti in facts.instances if ti["state"] not in api_queries.DONE_STATES}
    return tuple(up for up in facts.upstream.get(instance["task_id"], ()) if up in still)


def _unwell(facts: RunFacts, kinds: Iterable[str]) -> Iterator[RunFinding]:
    for component in facts.components:
        if component.kind in kinds and component.state not in FINE:
            yield RunFinding(FindingKind.WAITING, _unwell_sentence(component), next=f"airfleet logs {component.name}")


def _unwell_sentence(component: ComponentStatus) -> str:
    why = f": {component.reason}" if component.reason else ""
    return f"the {component.name} is not healthy ({LABELS[component.state]}{why})"


def _named(instances: Sequence[Json]) -> str:
    names = [f"'{api_queries.name(ti)}'" for ti in instances]
    more = f" and {len(names) - 4} more" if len(names) > 5 else ""
    shown = names[:4] if more else names
    noun = "task" if len(names) == 1 else "tasks"
    return f"{noun} {', '.join(shown)}{more}"


def _at(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
