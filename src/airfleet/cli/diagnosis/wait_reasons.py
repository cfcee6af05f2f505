"""Why a task that could run does not: no worker, no room, or what Airflow itself says."""

from __future__ import annotations

from dataclasses import dataclass

from airfleet.cli.diagnosis import failure_patterns
from airfleet.cli.diagnosis.facts import RunFacts, key
from airfleet.cli.output import airflow_messages
from airfleet.cli.queries.api_queries import Json
from airfleet.releases.manifest import SHORT

IN_POOLS = "in the UI under Admin, Pools"
_LATEST = (
    "clear it in the UI with 'Run with latest bundle version', or push its code again: airfleet push --from git:COMMIT"
)


@dataclass(frozen=True)
class WaitReason:
    """Why a task does not run, what would help, and the next command."""

    sentence: str
    advice: str = ""
    next: str = ""


def reason(facts: RunFacts, instance: Json) -> WaitReason:
    """Explain why a task that could run does not."""
    state = instance["state"]
    if state == "deferred":
        return _deferred(facts, instance)
    if state == "up_for_reschedule":
        return _without_its_dag(facts, instance) or WaitReason("it is a sensor that looks again later")
    if state == "awaiting_input":
        return WaitReason("a person has to answer it in the UI")
    if facts.dag["is_paused"]:
        return WaitReason("the Dag is paused", next=f"airfleet trigger {facts.dag['dag_id']} --unpause")
    found = (look(facts, instance) for look in (_no_release, _no_queue, _no_room))
    return next(filter(None, found), None) or _in_airflows_words(facts, instance)


def _deferred(facts: RunFacts, instance: Json) -> WaitReason:
    trigger = (instance.get("trigger") or {}).get("classpath", "").rpartition(".")[2]
    waits = f"it waits for an event ({trigger})" if trigger else "it waits for an event"
    if facts.components and not any(c.kind == "triggerer" for c in facts.components):
        return WaitReason(f"{waits}, but no triggerer runs", "triggerer: true in fleet.yaml")
    return WaitReason(waits)


def _without_its_dag(facts: RunFacts, instance: Json) -> WaitReason | None:
    log = facts.logs.get(key(instance))
    if log is None or not log.missing_dag:
        return None
    cause = failure_patterns.missing_dag(instance.get("hostname") or "", facts.folder, log.missing_dag)
    return WaitReason(cause.sentence, cause.advice)


def _no_release(facts: RunFacts, instance: Json) -> WaitReason | None:
    """Name the release of the run, when no host has it: workers give the message back."""
    release = facts.release
    if release is None or release.is_ready or instance["state"] != "queued":
        return None
    short = release.digest[:SHORT]
    if not release.is_kept:
        return WaitReason(f"release {short} of this run was removed, and no host has it any more", _LATEST)
    host, why = release.failed[0] if release.failed else ("", "")
    failing = f"; host '{host}' cannot have it: {why.partition(chr(10))[0]}" if host else ""
    return WaitReason(
        f"no host has release {short} of this run yet{failing}", _LATEST if host else "", "airfleet releases"
    )


def _no_queue(facts: RunFacts, instance: Json) -> WaitReason | None:
    queue = instance.get("queue")
    if not facts.queues or not queue or queue in facts.queues:
        return None
    there = ", ".join(facts.queues)
    return WaitReason(
        f"no worker listens to the queue '{queue}' (workers listen to {there})",
        "add it to queues: of a worker in fleet.yaml, then airfleet down and airfleet up",
    )


def _no_room(facts: RunFacts, instance: Json) -> WaitReason | None:
    """Name a limit that is reached: pool, tasks of the Dag, slots of the workers."""
    name = instance.get("pool")
    pool = facts.pools.get(name or "")
    if name and facts.pools and pool is None:
        return WaitReason(f"there is no pool '{name}'", f"make it {IN_POOLS}, or correct pool: of the task")
    if instance["state"] == "queued":
        return _no_slot(facts)
    if pool and 0 <= pool["open_slots"] < (instance.get("pool_slots") or 1):
        taken = f"{pool['occupied_slots']} of {pool['slots']} slots taken"
        return WaitReason(f"the pool '{name}' is full ({taken})", f"wait, or give it more slots {IN_POOLS}")
    running = sum(ti["state"] in ("running", "queued") for ti in facts.instances)
    most = facts.dag.get("max_active_tasks")
    if most and running >= most:
        others = "1 task" if running == 1 else f"{running} tasks"
        return WaitReason(f"{others} of the run must end first: max_active_tasks is {most}")
    return None


def _no_slot(facts: RunFacts) -> WaitReason | None:
    if facts.slots is None or facts.running_tasks < facts.slots:
        return None
    return WaitReason(f"all {facts.slots} slots of the workers are taken", "wait, or raise slots: of a worker")


def _in_airflows_words(facts: RunFacts, instance: Json) -> WaitReason:
    blocked = facts.blocked.get(key(instance), ())
    said = [text for name, text in blocked if name not in airflow_messages.CHECKS_SAID_OTHERWISE]
    if said:
        return WaitReason(said[0])
    if instance["state"] == "queued":
        return WaitReason(
            f"it is in the queue '{instance.get('queue')}', and no worker has taken it yet", next="airfleet logs worker"
        )
    return WaitReason("the scheduler has not looked at it yet", next="airfleet status")
