"""The identity of an agent's host: its name in the fleet, and the secrets that it needs."""

from __future__ import annotations

from collections.abc import Mapping

from airfleet.errors import FleetError, did_you_mean
from airfleet.fleet.config.checks import is_loopback
from airfleet.fleet.config.spec import Fleet, Host
from airfleet.fleet.planning import local_hosts, paths
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.servers import secrets
from airfleet.fleet.servers.secrets import Secrets


def choose(fleet: Fleet, environ: Mapping[str, str], machine: str) -> Host:
    """Choose the host that the environment names, or that is named as this machine is, or the only one.

    Raises FleetError when there is none, or no telling which.
    """
    known = [host.name for host in fleet.hosts]
    if name := environ.get(paths.HOST):
        if name not in known:
            if not local_hosts.is_named(fleet):
                sentence, hint = f"fleet '{fleet.name}' has no hosts with names", "leave --host out, or write 'hosts:'"
                raise FleetError(sentence, hint=hint)
            hint = did_you_mean(name, known) or f"the hosts are: {', '.join(known)}"
            raise FleetError(f"fleet '{fleet.name}' has no host '{name}'", hint=hint)
        return fleet.host(name)
    if len(known) == 1:
        return fleet.hosts[0]
    if machine.partition(".")[0] in known:
        return fleet.host(machine.partition(".")[0])
    raise FleetError(
        f"fleet '{fleet.name}' has {len(known)} hosts, and none is named as this machine is ('{machine}')",
        hint=f"say which one this is: --host NAME, or AIRFLEET_HOST=NAME ({', '.join(known)})",
    )


def secrets_of(fleet: Fleet, here: Host, places: Paths, environ: Mapping[str, str]) -> Secrets:
    """Load the secrets of the fleet on this host; make them where this host is the one that does.

    Raises FleetError when they are not here, or not all that this host needs.
    """
    if not _are_made_here(fleet, here, places, environ) and not places.secrets.exists():
        raise _must_be_carried(fleet, here, f"the secrets of fleet '{fleet.name}' are not on this host")
    kept = secrets.load_or_generate(places.secrets)
    missing = [name for name in needed(fleet, here) if not getattr(kept, name)]
    if missing:
        sentence = f"host '{here.name}' runs more now than it has secrets for ({', '.join(missing)})"
        raise _must_be_carried(fleet, here, sentence)
    return kept


def needed(fleet: Fleet, here: Host) -> tuple[str, ...]:
    """Name the secrets that this host's agent and components must know."""
    names = {"peers_key"} if local_hosts.is_named(fleet) else set()
    if fleet.runs_database:
        names |= {"postgres_password", "airflow_password"}
    if fleet.runs_broker:
        names |= {"broker_password"}
    if here.scheduler.count or here.dag_processor.count or here.triggerer.count or here.api_server.count:
        names |= {"fernet_key", "jwt_secret"}
    if here.api_server.count:
        names |= {"api_secret_key", "user_password"}
    if fleet.flower and fleet.flower.on == here.name:
        names |= {"flower_password", "flower_cookie_secret"}
    return tuple(sorted(names))


def _are_made_here(fleet: Fleet, here: Host, places: Paths, environ: Mapping[str, str]) -> bool:
    """Tell whether this host makes the secrets: the first one does, and all do that share one folder."""
    together = places.shared is not None and all(is_loopback(host.address) for host in fleet.hosts)
    return here.name == fleet.hosts[0].name or together or local_hosts.COUNT in environ


def _must_be_carried(fleet: Fleet, here: Host, sentence: str) -> FleetError:
    file = f"{here.name}.secrets"
    return FleetError(
        sentence,
        hint=f"on '{fleet.hosts[0].name}': airfleet secrets export --host {here.name} -o {file}; "
        f"copy the file here, then: airfleet secrets import {file}",
    )
