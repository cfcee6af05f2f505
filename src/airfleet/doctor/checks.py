"""The table of all checks: code, subject, the fact, the judgement, and the reason why it matters.

Codes are stable: a check that is gone leaves its number free. ``D1..`` files and versions, ``D2..`` secrets, ``D3..``
hosts, ``D4..`` network, ``D5..`` database, ``D6..`` broker, ``D7..`` machine, ``D8..`` probes of ``--live``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from airfleet.doctor.facts import Facts
from airfleet.doctor.finding import Seen, State, Unknown, unknown, worst
from airfleet.doctor.judgements import files, hosts, live, machine, network, secrets, servers
from airfleet.errors import EXIT_OK, EXIT_UNHEALTHY, EXIT_WRONG

#: needs of checks, for people
NOTHING, PROJECT, STARTED, RUNNING = (
    "nothing", "fleet.yaml without problems", "a fleet that was started here once", "a running fleet",
)  # fmt: skip
DATABASE, BROKER = "a database that answers", "a broker that answers"
NOT_ASKED = "it is made with --live alone"


class Group(StrEnum):
    """The subjects of checks, as the table for people is grouped."""

    FILES = "files and versions"
    SECRETS = "secrets"
    HOSTS = "hosts"
    NETWORK = "network"
    DATABASE = "database"
    BROKER = "broker"
    MACHINE = "this machine"
    LIVE = "live probes"


@dataclass(frozen=True)
class Check:
    """One check. ``judge`` gets what ``fact`` takes out of all facts, unless that is unknown."""

    code: str
    group: Group
    subject: str
    fact: Callable[[Facts], Any]
    judge: Callable[[Any], tuple[Seen, ...]]
    needs: str
    why: str
    #: the exit code of what is wrong here
    exit_code: int = EXIT_UNHEALTHY


@dataclass(frozen=True)
class Result:
    """The result of one check."""

    check: Check
    seen: tuple[Seen, ...]

    @property
    def state(self) -> State:
        """The worst that was seen."""
        return worst(one.state for one in self.seen)


def _files(code: str, subject: str, fact: Any, judge: Any, needs: str, why: str) -> Check:
    return Check(code, Group.FILES, subject, fact, judge, needs, why, EXIT_WRONG)


def _secrets(code: str, subject: str, fact: Any, judge: Any, needs: str, why: str) -> Check:
    return Check(code, Group.SECRETS, subject, fact, judge, needs, why, EXIT_WRONG)


def _live(number: int, subject: str, name: str, why: str) -> Check:
    def fact(facts: Facts) -> Any:
        return Unknown(NOT_ASKED, "airfleet doctor --live") if facts.live is None else getattr(facts.live, name)

    return Check(f"D80{number}", Group.LIVE, subject, fact, live.probe, RUNNING, why)


CHECKS = (
    _files(
        "D101", "fleet.yaml", lambda facts: facts.fleet_file, files.fleet_file, NOTHING,
        "A fleet does not start with a fleet.yaml that has problems; one that runs goes on with the old one.",
    ),
    _files(
        "D102", "pipelines", lambda facts: facts.pipelines, files.pipelines, PROJECT,
        "A pipeline with a problem makes no Dag, so its tasks do not run.",
    ),
    _files(
        "D103", "versions", lambda facts: facts.versions, files.versions, NOTHING,
        "Parts of Airflow that airfleet replaces were compared with these versions only.",
    ),
    _files(
        "D104", "files in force", lambda facts: facts.snapshot, files.in_force, RUNNING,
        "An edited fleet.yaml has no effect, and an upgraded library half of one, until the fleet is started anew.",
    ),
    _files(
        "D105", "known vulnerabilities", lambda facts: facts.installed, files.vulnerabilities, NOTHING,
        "A version with a published vulnerability is attacked by programs that look for it.",
    ),
    _files(
        "D106", "files that a fleet keeps", lambda facts: facts.damage, files.damage, STARTED,
        "Without its secrets, ports and data folders a fleet does not start, or starts as another one.",
    ),
    _secrets(
        "D201", "keys of hosts", lambda facts: facts.snapshot, secrets.keys, RUNNING,
        "A host with another key refuses the tokens of the others, and cannot read connections: tasks fail at once.",
    ),
    _secrets(
        "D202", "well-known passwords", lambda facts: facts.passwords, secrets.passwords, PROJECT,
        "Passwords and keys of tutorials and images are the first that an attacker tries.",
    ),
    _secrets(
        "D203", "rights of files", lambda facts: facts.rights, secrets.rights, STARTED,
        "A reader of the secrets can read every connection and start any task.",
    ),
    _secrets(
        "D204", "secrets of processes", lambda facts: facts.process_secrets, secrets.processes, RUNNING,
        "Arguments of processes are shown to everybody on a machine, and environments to all tasks of the same user.",
    ),
    Check(
        "D301", Group.HOSTS, "agent and components", lambda facts: facts.agent, hosts.agent, RUNNING,
        "The agent starts what died and keeps the lease of its host; without it nothing is repaired.",
    ),
    Check(
        "D302", Group.HOSTS, "other hosts", lambda facts: facts.snapshot, hosts.hosts, RUNNING,
        "Hosts that are away or differ run fewer tasks, or run them in another way.",
    ),
    Check(
        "D303", Group.HOSTS, "clocks", lambda facts: facts.clocks, hosts.clocks, DATABASE,
        "Tokens of tasks are refused, and Dags start at the wrong moment, where clocks differ.",
    ),
    Check(
        "D304", Group.HOSTS, "left processes", lambda facts: facts.left_processes, hosts.left_processes, NOTHING,
        "A process of an earlier life may hold a port, a lock or memory, or run a task that runs elsewhere again.",
    ),
    Check(
        "D305", Group.HOSTS, "data without a fleet", lambda facts: facts.left_data, hosts.left_data, NOTHING,
        "Data of embedded servers stay when the folder of a project is deleted, and take room.",
    ),
    Check(
        "D306", Group.HOSTS, "left socket", lambda facts: facts.left_socket, hosts.left_socket, NOTHING,
        "Commands in a folder that several agents share take it for the fleet that runs there.",
    ),
    Check(
        "D401", Group.NETWORK, "listeners", lambda facts: facts.listeners, network.listeners, PROJECT,
        "A component cannot be reached where it does not listen, and does not start where another program does.",
    ),
    Check(
        "D402", Group.NETWORK, "ways to other hosts", lambda facts: facts.hosts_reached, network.reached, RUNNING,
        "Agents, tasks and logs need these ports; run it on each host, for a firewall may let through one way only.",
    ),
    Check(
        "D403", Group.NETWORK, "ways to servers", lambda facts: facts.servers_reached, network.reached, PROJECT,
        "Without database or broker no task starts.",
    ),
    Check(
        "D404", Group.NETWORK, "names", lambda facts: facts.names, network.names, PROJECT,
        "A name without an address is a server that is away, whatever the server does.",
    ),
    Check(
        "D405", Group.NETWORK, "certificates", lambda facts: facts.certificates, network.certificates, PROJECT,
        "Browsers, workers and agents refuse a certificate that has expired or is for another name.", EXIT_WRONG,
    ),
    Check(
        "D501", Group.DATABASE, "fitness", lambda facts: facts.database, servers.database, DATABASE,
        "A fleet writes to no database whose server, pooler or schema does not fit.",
    ),
    Check(
        "D502", Group.DATABASE, "connections", lambda facts: facts.connections, servers.connections, DATABASE,
        "Components that get no connection end, and are started again in vain.",
    ),
    Check(
        "D503", Group.DATABASE, "long transactions", lambda facts: facts.transactions, servers.transactions, DATABASE,
        "An open transaction keeps its locks, and keeps dead rows from being removed.",
    ),
    Check(
        "D504", Group.DATABASE, "locks", lambda facts: facts.locks, servers.locks, DATABASE,
        "A scheduler that waits for a lock starts no task.",
    ),
    Check(
        "D505", Group.DATABASE, "dead rows", lambda facts: facts.tables, servers.bloat, DATABASE,
        "Each query reads dead rows too: tables with many make everything slow.",
    ),
    Check(
        "D601", Group.BROKER, "broker", lambda facts: facts.broker, servers.broker, BROKER,
        "Tasks travel to workers as messages of the broker.",
    ),
    Check(
        "D602", Group.BROKER, "policies", lambda facts: facts.broker, servers.broker_policies, BROKER,
        "A broker that evicts, forgets or refuses messages makes tasks late.",
    ),
    Check(
        "D603", Group.BROKER, "visibility timeout", lambda facts: facts.visibility, servers.visibility, DATABASE,
        "Redis and Valkey hand a task that runs longer than this to a second worker.",
    ),
    Check(
        "D701", Group.MACHINE, "disks", lambda facts: facts.disks, machine.disks, STARTED,
        "On a full disk logs get lost, and an embedded database stops.",
    ),
    Check(
        "D702", Group.MACHINE, "file descriptors", lambda facts: facts.descriptors, machine.descriptors, RUNNING,
        "A process at its limit takes no connection and opens no log.",
    ),
    Check(
        "D703", Group.MACHINE, "limits of memory", lambda facts: facts.memory_limits, machine.memory_limits, PROJECT,
        "Without control groups a task that asks for too much memory takes it from all others.",
    ),
    Check(
        "D704", Group.MACHINE, "embedded servers", lambda facts: facts.own_servers, machine.own_servers, PROJECT,
        "Data of one major version are read by no other: without its program the next start is refused.",
    ),
    _live(
        1, "S1: secrets in files", "written_secrets",
        "Logs and records are read by more people than secrets are, and are copied to more places.",
    ),
    _live(
        2, "S2: secrets of workers", "worker_secrets",
        "A task sees what its worker sees: with the database's password it could change everything.",
    ),
    _live(
        3, "S3: open doors", "open_doors",
        "A port on all addresses of a machine is open to every network that it is in.",
    ),
    _live(
        4, "S4: TLS of the proxy", "handshake",
        "Passwords and tokens travel through this door.",
    ),
    _live(
        5, "S5: rules of PostgreSQL", "database_rules",
        "A rule that trusts, or lets in everybody, is found and used by programs within hours.",
    ),
    _live(
        6, "S6: login at the broker", "broker_login",
        "A client that can write messages can run any task with any argument.",
    ),
    _live(
        7, "S7: messages", "message",
        "A message carries a token; where arguments are shown in clear, so is the token.",
    ),
    _live(
        8, "S8: Flower", "flower",
        "Flower shows arguments of tasks and may stop workers.",
    ),
)  # fmt: skip
#: probes that are left out, and why
LEFT_OUT = {
    "S7 on RabbitMQ": "its messages cannot be looked at without being taken from their queue",
    "S8, the part that stops a worker": "it would stop a worker where it succeeds",
    "S9, masking of a canary": "it would add a connection and a Dag to the fleet, and run it",
}


def examine(facts: Facts, *, probes: bool) -> tuple[Result, ...]:
    """Make every check; those of ``--live`` where ``probes`` are asked for."""
    return tuple(_result(check, facts) for check in CHECKS if probes or check.group is not Group.LIVE)


def exit_code(results: Iterable[Result]) -> int:
    """Choose the exit code: a fleet that is unwell comes before files that are wrong.

    Warnings, and checks that could not be made, leave it at 0.
    """
    codes = {one.check.exit_code for one in results if one.state is State.WRONG}
    return max(codes, default=EXIT_OK)


def _result(check: Check, facts: Facts) -> Result:
    fact = check.fact(facts)
    return Result(check, (unknown(fact.why, fact.next),) if isinstance(fact, Unknown) else check.judge(fact))
