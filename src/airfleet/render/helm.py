"""Values for Airflow's own Helm chart: a fleet's components, queues and settings on Kubernetes.

The chart runs Airflow's own components, with the Celery executor. The image and one argument are airfleet's: they read
pipelines. Secrets are those of Kubernetes, by name; :func:`needed` lists them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import yaml

from airfleet import versions
from airfleet.fleet.config.spec import LOCAL, SIMPLE_AUTH_MANAGER, Fleet, Host, Instances, Worker
from airfleet.fleet.planning.default_settings import BUNDLE_NAME

Data: TypeAlias = dict[str, Any]

FILE_NAME: Final = "values.yaml"
#: the oldest chart that has every key used here
CHART: Final = "1.21"
#: settings that the chart has keys of its own for
_OF_THE_CHART: Final = frozenset({"core.executor", "core.fernet_key"})


@dataclass(frozen=True)
class Deployment:
    """Facts for the chart that are not in the fleet."""

    #: repository and tag of the image of ``airfleet render image``, with the project below ``/srv``
    repository: str
    tag: str
    #: variables of components and tasks whose values fleet.yaml takes from elsewhere
    hidden: Collection[str] = ()
    #: likewise settings of Airflow, as ``section.option``
    hidden_settings: Collection[str] = ()


@dataclass(frozen=True)
class Secret:
    """A secret of Kubernetes that the chart reads."""

    name: str
    key: str
    says: str


def text(fleet: Fleet, at: Deployment) -> str:
    """Write the values, behind a comment for each secret that they name."""
    head = [
        f"# Written by airfleet from fleet.yaml, for Apache Airflow's own chart, {CHART} or newer.",
        "# It needs these secrets, which hold one key each, or several:",
        *(f"#   {secret.name}, {secret.key}: {secret.says}" for secret in needed(fleet, at)),
    ]
    return "\n".join(head) + "\n" + yaml.safe_dump(values(fleet, at), sort_keys=False, width=110)


def values(fleet: Fleet, at: Deployment) -> Data:
    """Return the values as data."""
    return {
        "airflowVersion": versions.expected()["apache-airflow-core"],
        "images": {"airflow": {"repository": at.repository, "tag": at.tag}},
        "executor": "CeleryExecutor",
        **_keys(fleet),
        **_servers(fleet),
        "config": _config(fleet, at),
        "env": [
            {"name": name, "value": value} for name, value in fleet.task_environment.items() if name not in at.hidden
        ],
        "secret": [_variable(*one) for one in _hidden(fleet, at)],
        **_components(fleet),
        "workers": {"celery": {"enableDefault": False, "sets": list(_workers(fleet))}},
        "flower": _flower(fleet),
        # Airflow's chart makes a user of FAB.
        "createUserJob": {"defaultUser": {"enabled": False}},
        **_ingress(fleet),
    }


def needed(fleet: Fleet, at: Deployment) -> tuple[Secret, ...]:
    """List the secrets that have to be there before the chart is installed."""
    name = _name(fleet.name)
    found = [
        Secret(
            f"{name}-fernet-key",
            "fernet-key",
            "core.fernet_key of fleet.yaml and fernet_key of .airfleet/secrets.json, with commas",
        ),
        Secret(f"{name}-jwt", "jwt-secret", "jwt_secret of the same file"),
        Secret(f"{name}-api", "api-secret-key", "api_secret_key of the same file"),
    ]
    if not fleet.runs_database:
        found.append(Secret(f"{name}-database", "connection", "the URL of the database, postgresql+psycopg://"))
    if not fleet.runs_broker:
        found.append(Secret(f"{name}-broker", "connection", "the URL of the broker"))
    if fleet.flower:
        found.append(Secret(f"{name}-flower", "basicAuth", "user:password"))
    return (*found, *(Secret(secret, key, variable) for variable, secret, key in _hidden(fleet, at)))


def _keys(fleet: Fleet) -> Data:
    name = _name(fleet.name)
    return {
        "fernetKeySecretName": f"{name}-fernet-key",
        "jwtSecretName": f"{name}-jwt",
        "apiSecretKeySecretName": f"{name}-api",
    }


def _servers(fleet: Fleet) -> Data:
    """Take the fleet's servers by their URLs; embedded ones are the chart's own."""
    own_database, own_broker = fleet.runs_database, fleet.runs_broker
    name = _name(fleet.name)
    told = {
        **({} if own_database else {"metadataSecretName": f"{name}-database"}),
        **({} if own_broker else {"brokerUrlSecretName": f"{name}-broker"}),
    }
    return {
        **({"data": told} if told else {}),
        "postgresql": {"enabled": own_database},
        "redis": {"enabled": own_broker},
    }


def _config(fleet: Fleet, at: Deployment) -> Data:
    made: dict[str, dict[str, str]] = {
        "core": {
            "dags_folder": _pipelines(fleet),
            "auth_manager": SIMPLE_AUTH_MANAGER,
            "simple_auth_manager_users": f"{fleet.user}:admin",
        },
    }
    if fleet.proxy:
        made["api"] = {"base_url": fleet.proxy.url}
    for section, key, value in _own_settings(fleet, at):
        made.setdefault(section, {})[key] = value
    return made


def _pipelines(fleet: Fleet) -> str:
    return f"/srv/{_name(fleet.name)}/{fleet.pipelines}"


def _bundle(fleet: Fleet) -> Data:
    classpath = "airfleet.pipelines.airflow.bundle.PipelineBundle"
    return {"name": BUNDLE_NAME, "classpath": classpath, "kwargs": {"path": _pipelines(fleet)}}


def _own_settings(fleet: Fleet, at: Deployment) -> Iterator[tuple[str, str, str]]:
    hidden = {*fleet.secret_settings, *at.hidden_settings, *_OF_THE_CHART}
    for section, options in fleet.airflow.items():
        for key, value in options.items():
            if f"{section}.{key}" not in hidden:
                # The chart reads values as templates of Go.
                yield section, key, value.replace("{{", '{{ "{{" }}')


def _hidden(fleet: Fleet, at: Deployment) -> Iterator[tuple[str, str, str]]:
    """Yield the variables whose values are secrets: variable, secret, key."""
    name = _name(fleet.name)
    for setting in sorted({*fleet.secret_settings, *at.hidden_settings} - _OF_THE_CHART):
        section, _, key = setting.partition(".")
        yield f"AIRFLOW__{section.upper()}__{key.upper()}", f"{name}-settings", setting
    for variable in sorted(set(at.hidden) & set(fleet.task_environment)):
        yield variable, f"{name}-env", variable
    for connection in fleet.objects.connections:
        yield f"AIRFLOW_CONN_{connection.id.upper()}", f"{name}-connections", _key(connection.id)
    for variable_of_airflow in fleet.objects.variables:
        yield f"AIRFLOW_VAR_{variable_of_airflow.key.upper()}", f"{name}-variables", _key(variable_of_airflow.key)


def _variable(name: str, secret: str, key: str) -> Data:
    return {"envName": name, "secretName": secret, "secretKey": key}


def _components(fleet: Fleet) -> Data:
    hosts = fleet.hosts
    return {
        "scheduler": _instances(host.scheduler for host in hosts),
        "apiServer": _instances(Instances(host.api_server.count, host.api_server.memory_bytes) for host in hosts),
        "dagProcessor": {
            "enabled": True,
            **_instances(host.dag_processor for host in hosts),
            "dagBundleConfigList": [_bundle(fleet)],
            # It finds pipelines in YAML; Airflow's own finds Python alone.
            "args": ["bash", "-c", "exec python -m airfleet.dag_processor"],
        },
        "triggerer": _instances(host.triggerer for host in hosts),
    }


def _instances(found: Iterable[Instances]) -> Data:
    kept = [one for one in found if one.count]
    memory = max((one.memory_bytes or 0 for one in kept), default=0)
    return {"replicas": sum(one.count for one in kept), **_memory(memory or None)}


def _memory(limit: int | None) -> Data:
    return {"resources": {"limits": {"memory": str(limit)}, "requests": {"memory": str(limit)}}} if limit else {}


def _workers(fleet: Fleet) -> Iterator[Data]:
    for host in fleet.hosts:
        for worker in host.workers:
            slots = f" --concurrency {worker.slots}" if worker.slots else ""
            yield {
                "name": _worker(host, worker),
                "replicas": worker.count,
                "queue": ",".join(worker.queues),
                "args": ["bash", "-c", f"exec airflow celery worker{slots}"],
                **_memory(worker.memory_bytes),
            }


def _worker(host: Host, worker: Worker) -> str:
    return _name(worker.name if host.name == LOCAL else f"{host.name}-{worker.name}")


def _flower(fleet: Fleet) -> Data:
    if fleet.flower is None:
        return {"enabled": False}
    return {"enabled": True, "secretName": f"{_name(fleet.name)}-flower"}


def _ingress(fleet: Fleet) -> Data:
    proxy = fleet.proxy
    if proxy is None:
        return {}
    tls = {"tls": {"enabled": True, "secretName": f"{_name(fleet.name)}-tls"}} if proxy.tls else {}
    return {
        "ingress": {"apiServer": {"enabled": True, "path": proxy.airflow_path, "hosts": [{"name": proxy.name, **tls}]}}
    }


def _name(text: str) -> str:
    """Write a name as Kubernetes takes it.

    >>> _name("Shop_1")
    'shop-1'
    """
    return re.sub(r"[^a-z0-9-]", "-", text.lower()).strip("-")


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)
