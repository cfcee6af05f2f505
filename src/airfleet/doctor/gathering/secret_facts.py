"""Facts about secrets: who may read them, who could guess them, which process shows them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from airfleet.agent import bootstrap
from airfleet.doctor.facts import Exposed, Password, ProcessSecrets, Rights
from airfleet.doctor.gathering.situation import Situation, password_in
from airfleet.errors import FleetError
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning import ownership
from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.servers import brokers
from airfleet.fleet.servers.secrets import Secrets
from airfleet.system import procfs

#: passwords and keys that stand in images, charts and tutorials of Airflow
WELL_KNOWN = {
    "46BKJoQYlPPOexq0OhDZnIlNepKFf87WFwLbfzqDDho=": "is the key of a well-known Docker image",
    "d6Vefz3G9U_ynXB3cr7y_Ak35tAHkEGAVxuz_B-jzWw=": "is the key of a well-known command line",
    "airflow_jwt_secret": "is the key of Airflow's docker-compose.yaml",
    **dict.fromkeys(
        ("airflow", "admin", "postgres", "password", "guest", "redis", "rabbitmq", "flower", "root", "test", "secret",
         "changeme", "123456", "temporary_key"),
        "is one that everybody tries first",
    ),
}  # fmt: skip
#: shorter words stand everywhere, and prove nothing
LONG_ENOUGH = 12


def rights(situation: Situation, plan: Plan) -> tuple[Rights, ...]:
    """Read the rights of the files and folders that the fleet makes, and of the key of its proxy."""
    paths = situation.paths
    if not paths.home.is_dir():
        raise FleetError("the fleet was not started here yet", hint="airfleet up")
    owner = paths.home.stat().st_uid
    allowed = {
        **_folders(situation),
        paths.secrets: 0o600,
        **{path: file.mode for path, file in plan.files.items()},
    }
    found = [one for path, mode in allowed.items() for one in _rights(path, mode, owner)]
    if plan.site is not None and plan.site.public is not None and plan.site.public.certificate is not None:
        found += _rights(Path(plan.site.public.certificate.key), 0o640, None)
    return tuple(found)


def _folders(situation: Situation) -> dict[Path, int]:
    """Return the folders that nobody else may look into; tasks of another user pass through some."""
    fleet, paths = situation.fleet, situation.paths
    opened = (paths.airflow_home, paths.releases) if isinstance(fleet, Fleet) and fleet.task_user else ()
    passed = dict.fromkeys(opened, 0o711)
    tasks = {paths.task_logs: 0o711} if opened else {}
    return {**bootstrap.folders(paths), **passed, **tasks}


def _rights(path: Path, allowed: int, owner: int | None) -> Iterator[Rights]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    stranger = ownership.described(found.st_uid) if owner is not None and found.st_uid != owner else ""
    yield Rights(str(path), stat.S_IMODE(found.st_mode), allowed, stat.S_ISDIR(found.st_mode), stranger)


def passwords(fleet: Fleet, kept: Secrets | None) -> tuple[Password, ...]:
    """Judge every password and key that is known here by the list of well-known ones."""
    return tuple(Password(place, weakness(value, user)) for place, user, value in _passwords(fleet, kept))


def weakness(value: str, user: str = "") -> str:
    """Say why anybody could guess a password, as the rest of a sentence; empty when nobody can.

    >>> weakness("airflow"), weakness("ada", user="ada"), weakness("rQ8-long-and-random")
    ('is one that everybody tries first', 'is the name of its user', '')
    """
    if value and value == user:
        return "is the name of its user"
    return WELL_KNOWN.get(value, "")


def _passwords(fleet: Fleet, kept: Secrets | None) -> Iterator[tuple[str, str, str]]:
    if kept is not None:
        yield from ((f"{name} in secrets.json", "", getattr(kept, name)) for name in kept.__dataclass_fields__)
    if not fleet.runs_database:
        user = fleet.database.partition("://")[2].partition(":")[0]
        yield "the password of 'database' in fleet.yaml", user, password_in(fleet.database)
    if not fleet.runs_broker:
        broker = brokers.parse(fleet.broker)
        usual = "guest" if broker.kind == "amqp" and not broker.user else ""  # RabbitMQ's, where none is written
        yield "the password of 'broker' in fleet.yaml", broker.user, broker.password or usual
    for name in sorted(fleet.secret_settings):
        section, _, option = name.partition(".")
        yield f"airflow.{name} in fleet.yaml", "", fleet.airflow.get(section, {}).get(option, "")
    for one in fleet.objects.connections:
        yield f"the password of connection '{one.id}' in fleet.yaml", one.login, one.password


def processes(situation: Situation) -> ProcessSecrets:
    """Look for known secrets in arguments and first environments of the fleet's processes."""
    known = {name: value.encode() for name, value in situation.known_secrets().items() if len(value) >= LONG_ENOUGH}
    pids = situation.pids()
    if not pids:
        raise FleetError("no process of the fleet runs here", hint="airfleet up")
    hidden = sum(not os.access(f"{procfs.PROC}/{pid}/environ", os.R_OK) for pid in pids)
    found = tuple(one for pid in pids for one in _exposed(pid, known))
    return ProcessSecrets(len(pids), hidden, found)


def _exposed(pid: int, known: dict[str, bytes]) -> Iterator[Exposed]:
    shown = {"arguments": procfs.words(pid), "environment": procfs.variables(pid)}
    for where, texts in shown.items():
        for name, value in known.items():
            if any(value in text for text in texts):
                yield Exposed(pid, process_name(pid), where, name)


def process_name(pid: int) -> str:
    """Return the name of a process as the kernel has it; it never holds a secret."""
    return procfs.read(pid, "comm").decode(errors="replace").strip() or "ended"
