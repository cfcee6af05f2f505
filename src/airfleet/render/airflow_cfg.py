"""The ``airflow.cfg`` of a host, and the settings that one kind of component has beside it, secrets masked."""

from __future__ import annotations

import configparser
import io
from typing import Final

from airfleet.errors import FleetError, did_you_mean
from airfleet.fleet.components import settings
from airfleet.fleet.planning import airflow_settings
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Setting
from airfleet.yaml.secret_detection import MASK, masked

FILE_NAME: Final = "airflow.cfg"
#: steps of a start, which are no component that runs
_STEPS: Final = ("migrate", "objects")
#: what follows from the cores of the machine
_CORES: Final = ("celery", "worker_concurrency")
#: settings of components with nothing secret in them
_OPEN: Final = frozenset({
    ("airfleet", "embedded_database"), ("celery", "result_backend"), ("celery", "ssl_active"),
    ("celery", "ssl_mutual_tls"), ("celery", "ssl_cacert"), ("celery", "ssl_cert"), ("celery", "ssl_key"),
})  # fmt: skip
#: settings with URLs, of which only passwords are masked
_URLS: Final = frozenset({
    ("database", "sql_alchemy_conn"), ("database", "sql_alchemy_conn_async"), ("celery", "broker_url"),
})  # fmt: skip


def configuration(context: Context, kind: str | None = None) -> str:
    """Write the settings of every process on the host; with ``kind``, those of such a component.

    Raises FleetError when the host has no such component.
    """
    parser = configparser.RawConfigParser()
    parser.read_dict(_shown(context))
    if kind is not None:
        parser.read_dict(_of(context, _required(context, kind)))
    text = io.StringIO()
    parser.write(text)
    return f"{_head(context, kind)}\n{text.getvalue().rstrip()}\n"


def kinds(context: Context) -> tuple[str, ...]:
    """List the kinds of components of Airflow on the host."""
    here, ports = context.here, context.ports
    counts = {
        "scheduler": here.scheduler.count,
        "api-server": len(ports.api_servers),
        "dag-processor": here.dag_processor.count,
        "triggerer": here.triggerer.count,
        "worker": len(here.workers),
        "log-server": ports.logs is not None,
        "flower": ports.flower is not None,
    }
    return tuple(kind for kind in settings.KNOWS if kind not in _STEPS and counts[kind])


def _required(context: Context, kind: str) -> str:
    known = kinds(context)
    if kind not in known:
        hint = did_you_mean(kind, known) or f"it has: {', '.join(known) or 'none of Airflow'}"
        raise FleetError(f"host '{context.host}' runs no component of the kind '{kind}'", hint=hint)
    return kind


def _head(context: Context, kind: str | None) -> str:
    what = f"a {kind} of host {context.host}" if kind else f"every process of host {context.host}"
    return f"# Airflow's settings in {what}, by airfleet from fleet.yaml. {MASK} is a secret."


def _shown(context: Context) -> dict[str, dict[str, str]]:
    """Return the file as the agent writes it, with the secrets of tasks masked."""
    written = configparser.RawConfigParser()
    written.read_string(airflow_settings.configuration(context))
    return {
        section: {
            key: MASK if f"{section}.{key}" in context.fleet.secret_settings else value
            for key, value in written.items(section)
            if (section, key) != _CORES or context.cores
        }
        for section in written.sections()
    }


def _of(context: Context, kind: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for section, key, value in settings.settings(context, kind):
        found.setdefault(section, {})[key] = airflow_settings.as_written(_masked((section, key, value)))
    return found


def _masked(setting: Setting) -> str:
    section, key, value = setting
    if (section, key) in _OPEN:
        return value
    return masked(value) if (section, key) in _URLS else MASK
