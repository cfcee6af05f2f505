"""The assembly of an agent: its parts, made in the order in which they need one another."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable, Collection
from functools import partial

from airfleet.agent.agent import Agent, AgentParts
from airfleet.agent.cluster.local_facts import LocalFacts
from airfleet.agent.cluster.member import ClusterMember, ClusterRole, Standalone
from airfleet.agent.cluster.membership import Membership
from airfleet.agent.cluster.reattach import NOTHING, Inheritance
from airfleet.agent.cluster.watchdog import Watchdog
from airfleet.agent.context import AgentContext
from airfleet.agent.control import Edited
from airfleet.agent.database import fitness
from airfleet.agent.host.environment import without
from airfleet.agent.host.host_monitor import HostMonitor
from airfleet.agent.host_facts import HostFacts
from airfleet.agent.probes.database_connection import DatabaseConnection
from airfleet.agent.recovery.recovery import AttemptRecovery
from airfleet.agent.releases.connection import ReleaseConnection
from airfleet.agent.releases.disk import HostReleases
from airfleet.agent.releases.other_hosts import OtherHosts
from airfleet.agent.releases.vouching import ReleaseVouching
from airfleet.agent.releases.watch import ReleaseWatch
from airfleet.agent.reporter import Reporter
from airfleet.agent.sleep.sleepers import Sleepers
from airfleet.agent.supervisor.components import Components
from airfleet.agent.supervisor.database_gate import DatabaseGate, DatabaseProbe, FitnessCheck
from airfleet.agent.supervisor.launcher import Environments
from airfleet.agent.supervisor.probe_runner import ProbeRunner
from airfleet.agent.supervisor.shutdown import Shutdown
from airfleet.agent.supervisor.signals import Wakeup
from airfleet.agent.supervisor.supervisor import Supervisor
from airfleet.agent.supervisor.worker_drain import WorkerDrain
from airfleet.events import Log, Surprises
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Plan
from airfleet.releases.policies.verification import SigningPolicy
from airfleet.task_process import task_user


def assemble(
    plan: Plan,
    paths: Paths,
    log: Log,
    clock: Callable[[], float] = time.monotonic,
    inherited: Inheritance = NOTHING,
    withheld: Collection[str] = (),
    may_migrate: bool = False,
    edits: Callable[[], Edited] = Edited,
    facts: LocalFacts | None = None,
) -> Agent:
    """Make the agent of a plan.

    ``withheld``: names of variables that only the zygote, and so Airflow's components, may inherit. ``edits`` compares
    fleet.yaml with what is in force; ``facts`` are those that this host compares with others.
    """
    context = AgentContext(plan, paths, log, clock, Surprises("the agent's loop", log))
    selector, wakeup, database = selectors.DefaultSelector(), Wakeup(), DatabaseConnection(plan.database_url)
    components, shutdown = Components.planned(context, _drain(context, inherited)), Shutdown(clock)
    gate = _gate(context, wakeup, may_migrate)
    # Its lease thread reads the reporter, which is made last; no thread runs before the agent does.
    cluster = _cluster(context, components, inherited, facts, wakeup, lambda: reporter.components_in_short())
    host = HostMonitor(context, database, facts, wakeup.wake)
    recovery = AttemptRecovery(context, database, cluster.hostname, host.api.urls)
    probes = ProbeRunner(database, wakeup.wake)

    def reaped(pid: int, status: int) -> None:
        cluster.ended(pid)
        host.api.ended(pid, status)

    sleepers = Sleepers.of(context, components, database, selector, wakeup.wake, lambda: cluster.hostname)
    environments = Environments(dict(os.environ), without(os.environ, withheld))
    supervisor = Supervisor(
        context, components, shutdown, gate, cluster, probes, selector, environments, sleepers, reaped, recovery.died
    )
    releases = _releases(context, wakeup, sleepers.hear)
    reporter = Reporter(context, components, shutdown, gate, cluster, host, releases, edits)
    working = (components, shutdown, gate, probes, supervisor, cluster, recovery, host, releases, sleepers, reporter)
    return Agent(AgentParts(context, selector, wakeup, database, *working, is_heir=inherited.incarnation is not None))


def _releases(context: AgentContext, wakeup: Wakeup, other_news: Callable[[], None]) -> ReleaseWatch:
    plan = context.plan
    policy = _signing(plan)
    listen = partial(
        ReleaseConnection,
        plan.database_url,
        plan.releases,
        reads_signatures=policy is not None,
        other_news=other_news,
    )
    user = task_user.named(plan.environment)
    others = OtherHosts(plan.release_hosts, context.log) if plan.release_hosts else None
    disk = HostReleases(context.places, plan.database_url, plan.releases.store, user, others)
    vouching = ReleaseVouching(policy, context.log, context.clock)
    elsewhere = others.names if others else ()
    watch = ReleaseWatch(plan.host, listen, disk, context.log, wakeup.wake, context.clock, vouching, elsewhere)
    watch.activated = other_news
    return watch


def _signing(plan: Plan) -> SigningPolicy | None:
    told = plan.policies.push
    return SigningPolicy(plan.fleet, plan.root, told.signed_by, told.approval) if told.signed_by else None


def _drain(context: AgentContext, inherited: Inheritance) -> WorkerDrain:
    drain = WorkerDrain(context.clock)
    for worker in inherited.workers:
        drain.adopt(worker)
    return drain


def _gate(context: AgentContext, wakeup: Wakeup, may_migrate: bool) -> DatabaseGate:
    url, needs = context.plan.database_url, fitness.connections_of(context.plan)
    look = partial(fitness.look, url, needs=needs, may_migrate=may_migrate)
    probe, check = DatabaseProbe(url, wakeup.wake), FitnessCheck(look, wakeup.wake)
    return DatabaseGate(probe, check, context.clock, is_open=not url)


def _cluster(
    context: AgentContext,
    components: Components,
    inherited: Inheritance,
    facts: LocalFacts | None,
    wakeup: Wakeup,
    tell: Callable[[], list[dict[str, object]]],
) -> ClusterRole:
    plan = context.plan
    if plan.neighbours is None:
        return Standalone(plan.host)
    membership = Membership(
        plan.host,
        plan.neighbours,
        plan.database_url,
        context.paths.boot,
        context.log,
        _boot_time,
        tell,
        wakeup.wake,
        inherited.incarnation,
        facts=(lambda: facts.now) if facts else HostFacts,
    )
    return ClusterMember(context, membership, inherited.watchdog or Watchdog(context.fleet_id), components)


def _boot_time() -> float:
    """Return seconds that pass also while the machine sleeps, as they do for the leases."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
