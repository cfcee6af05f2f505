"""Every key of ``fleet.yaml``: what it is for and what may stand there.

The reader, the JSON Schema and the reference page are made from these tables.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from airfleet.fleet.config.kinds import KeyKind
from airfleet.fleet.config.spec import OnPartition, OnWorkerLost, Profile
from airfleet.yaml import fields
from airfleet.yaml.fields import Field

Key: TypeAlias = Field[KeyKind]
Table: TypeAlias = fields.Table[KeyKind]

MOST: Final = 100
#: the minor versions for which every locked wheel exists
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
_ON_PARTITION: Final[tuple[OnPartition, ...]] = ("keep", "replace")
_ON_WORKER_LOST: Final[tuple[OnWorkerLost, ...]] = ("rerun", "fail")
_PROFILES: Final[tuple[Profile, ...]] = ("small", "standard")


def _port(says: str) -> Key:
    return Key("integer", says, 1, 65535)


def _count(says: str) -> Key:
    return Key("integer", says, 0, MOST)


_MEMORY: Final = Key("size", "memory that each may use with all its processes, as in `2GB` (no limit)")

#: what a host runs; without `hosts`, these stand at the top and are those of this machine
COMPONENTS: Final[Table] = {
    "scheduler": Key("instances", "whether a scheduler runs, how many, or `{count, memory}`"),
    "api_server": Key("api_server", "the UI and the APIs: likewise, or `{address, port, count, memory}`"),
    "dag_processor": Key("sleepers", "what reads the pipelines: likewise, or `{count, memory, awake}`"),
    "triggerer": Key("sleepers", "what waits for deferred tasks: likewise, or `{count, memory, awake}`"),
    "workers": Key("workers", "what runs the tasks: list of `{name, queues, slots, memory, count}`; `[]` is none"),
}

FLEET: Final[Table] = {
    "name": Key("name", "the fleet's name; the folder's name when left out"),
    "pipelines": Key("text", "the folder of pipelines, beside fleet.yaml (`pipelines`)"),
    "hosts": Key("hosts", "the machines, and what each runs; left out: this one, and everything"),
    **COMPONENTS,
    "profile": Key(
        "choice",
        "the size of machine that servers are set up for: `small` has up to 1 GB of memory, `standard` more "
        "(as much as each host has)",
        choices=_PROFILES,
    ),
    "database": Key("text", "`embedded`, `system`, or the URL of a PostgreSQL server, with several hosts if you like"),
    "broker": Key(
        "text", "`embedded`, `system`, or the URL of Redis, Valkey, Sentinel or RabbitMQ; several servers with `;`"
    ),
    "proxy": Key("proxy", "nginx in front: `{on, name, address, port, airflow, flower, tls, redirect}`"),
    "flower": Key("flower", "whether Flower runs (`false`), or `{on, address, port, user, memory, awake}`"),
    "policies": Key(
        "policies",
        "what to do when a host or a worker is lost, and who vouches for releases: "
        "`{on_partition, on_worker_lost, push}`",
    ),
    "releases": Key("releases", "where pushed releases are kept, and how many: `{store, keep, budget}`"),
    "deploy": Key("deploy", "how `airfleet deploy` brings all this to the hosts: `{user, folder, python, …}`"),
    "witness": Key("text", "`HOST:PORT` beside the two hosts that both can reach; it tells which of them is cut off"),
    "production": Key("boolean", "whether people depend on this fleet (`false`); `airfleet drill` then wants `--yes`"),
    "log_retention": Key("duration", "how long logs are kept, as in `30d` (for ever)"),
    "user": Key("name", "the name of the user of the UI (`admin`); the password is generated"),
    "task_user": Key("name", "the user of the machine that tasks run as, when root starts the fleet (root itself)"),
    "secrets": Key("text", "the folder whose files are `${{ secrets.NAME }}` (`secrets`, beside fleet.yaml)"),
    "vars": Key("strings", "values for `${{ vars.name }}` in pipelines"),
    "env": Key("strings", "environment of every component and task"),
    "connections": Key("connections", "Airflow's connections: `{id: {type, host, ...}}`, or `{id: URI}`"),
    "variables": Key("variables", "Airflow's variables: `{key: value}`, or `{key: {value, description}}`"),
    "pools": Key("pools", "Airflow's pools: `{name: slots}`, or `{name: {slots, description, include_deferred}}`"),
    "airflow": Key("sections", "any other Airflow setting: `{section: {key: value}}`"),
}

HOST: Final[Table] = {
    "name": Key("name", "what the others and you call it", required=True),
    "address": Key("text", "how the other hosts reach it", required=True),
    "ssh": Key("text", "where `airfleet deploy` logs in, as `ssh` takes it: `user@host`, an alias (the address)"),
    **COMPONENTS,
}

INSTANCES: Final[Table] = {"count": _count("how many (`1`)"), "memory": _MEMORY}

SLEEPERS: Final[Table] = {
    **INSTANCES,
    "awake": Key("boolean", "whether it runs also while it has nothing to do (`false`)"),
}

API_SERVER: Final[Table] = {
    "address": Key("text", "the address it listens on (its host's; `127.0.0.1` without `hosts`)"),
    "port": _port("the port it must have; the second has the next (8080; without `hosts`, or the next free one)"),
    **INSTANCES,
}

WORKER: Final[Table] = {
    "name": Key("name", "its name in status and logs (`worker`)"),
    "queues": Key("texts", "the queues it takes tasks from, names without `,` and spaces (`[default]`)"),
    "slots": Key("integer", "tasks at the same time (16, or one per core of more; fewer with little memory)", 1, 1000),
    "memory": Key("size", "memory that it may use with all its tasks, as in `4GB` (no limit)"),
    "count": Key("integer", "how many of this kind (`1`)", 1, MOST),
}

PROXY: Final[Table] = {
    "on": Key("names", "the hosts it runs on; `[]` when you run one yourself on the fleet's machine"),
    "name": Key("text", "the host name that people type", required=True),
    "address": Key("text", "the address it listens on (`0.0.0.0`)"),
    "port": _port("the port it listens on (443 with `tls`, else 80)"),
    "airflow": Key("text", "the URL path of Airflow (`/`)"),
    "flower": Key("text", "the URL path of Flower (`/flower`)"),
    "tls": Key("tls", "the certificate: `{certificate, key}`"),
    "redirect": Key(
        "integer", "with `tls`, the port whose plain HTTP is led there; 0 is none (80 when `port` is 443)", 0, 65535
    ),
}

TLS: Final[Table] = {
    "certificate": Key("text", "the PEM file of the certificate and its chain", required=True),
    "key": Key("text", "the PEM file of its key", required=True),
}

FLOWER: Final[Table] = {
    "on": Key("text", "the host it runs on"),
    "address": Key(
        "text", "the address it listens on (`127.0.0.1`, or its host's when a proxy elsewhere must reach it)"
    ),
    "port": _port("the port it listens on (5555)"),
    "user": Key("name", "who may enter (`flower`); the password is generated"),
    "read_only": Key("boolean", "whether it only shows, and stops no worker and no task (`true`)"),
    "memory": Key("size", "memory that it may use, as in `256MB` (no limit)"),
    "awake": Key("boolean", "whether it runs also while nobody looks (`true`; `false` in the profile `small`)"),
}

POLICIES: Final[Table] = {
    "on_partition": Key(
        "choice",
        "a host that the others no longer see: `replace` runs its tasks again elsewhere, after it has ended them "
        "itself (the default); `keep` waits for it",
        choices=_ON_PARTITION,
    ),
    "on_worker_lost": Key(
        "choice",
        "a task whose worker died: `rerun` starts it again and uses no retry (the default); `fail` lets it fail",
        choices=_ON_WORKER_LOST,
    ),
    "push": Key("push", "who vouches for a release before it is live: `{approval, signed_by}`"),
}

PUSH: Final[Table] = {
    "approval": Key(
        "integer", "how many people beside its author have to approve a release before it is live (none)", 1, MOST
    ),
    "signed_by": Key(
        "text",
        "the file of the keys by which each release has to be signed, as OpenSSH's *allowed signers*, beside "
        "fleet.yaml on each host (releases need no signature); wants `name`",
    ),
}

RELEASES: Final[Table] = {
    "store": Key("text", "`database` (the fleet's own), a folder, or a bucket as `s3://`, `gs://` or `abfs://`"),
    "keep": Key("integer", "how many of the newest stay, beside those that are live or in use (`10`)", 1, 1000),
    "budget": Key("size", "bytes that all of them may have in the database (`1GB`)"),
}

DEPLOY: Final[Table] = {
    "user": Key("name", "who logs in on hosts whose `ssh` names nobody (as the configuration of `ssh` says)"),
    "folder": Key("text", "the folder on each host, absolute or below that user's home (`airfleet/` and the name)"),
    "python": Key("text", f"their Python, {PYTHONS[0]} to {PYTHONS[-1]} (as here, or the newest that a host has)"),
    "requirements": Key("text", "a lock with hashes, beside fleet.yaml, of packages that hosts have besides (none)"),
    "drain": Key("duration", "how long running tasks may take to end before a host is stopped (`10m`)"),
}

CONNECTION: Final[Table] = {
    "type": Key("text", "its type, as in Airflow: `postgres`, `http`, `aws`", required=True),
    "description": Key("text", "for people"),
    "host": Key("text", "its host"),
    "port": _port("its port"),
    "schema": Key("text", "its schema; the database, for most types"),
    "login": Key("text", "its user"),
    "password": Key("text", "its password, from `${{ secrets.NAME }}` or `${{ env.NAME }}`"),
    "extra": Key("mapping", "everything else"),
}

VARIABLE: Final[Table] = {
    "value": Key("text", "its value", required=True),
    "description": Key("text", "for people"),
}

POOL: Final[Table] = {
    "slots": Key("integer", "how many of its tasks run at once; -1 is no limit", -1, 1_000_000, required=True),
    "description": Key("text", "for people"),
    "include_deferred": Key("boolean", "whether deferred tasks keep their slots (`false`)"),
}
