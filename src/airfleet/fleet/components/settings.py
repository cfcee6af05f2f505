"""The secret settings of Airflow for each kind of component: only those that it needs.

Workers and their tasks get no database password, no key of the tokens and no key of the
connections: they reach data through the execution API alone.
"""

from __future__ import annotations

from airfleet.fleet.planning import airflow_settings, celery_settings
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Setting

FERNET = ("core", "fernet_key")

#: kind -> the groups of settings that it is trusted with
KNOWS = {
    "migrate": ("database", "fernet", "private"),
    "objects": ("database", "fernet", "private"),
    "scheduler": ("database", "fernet", "private", "tokens", "broker", "outcomes"),
    "api-server": ("database", "fernet", "private", "tokens", "sessions", "logs", "releases"),
    "dag-processor": ("database", "fernet", "private", "tokens"),
    "triggerer": ("database", "fernet", "private", "tokens"),
    "worker": ("broker", "failures"),
    "log-server": ("log tokens",),
    "flower": ("broker", "flower"),
}


def settings(context: Context, kind: str) -> tuple[Setting, ...]:
    """Return the secret settings of a kind of component."""
    secrets = context.secrets
    known: dict[str, tuple[Setting, ...]] = {
        "database": (
            ("database", "sql_alchemy_conn", context.database_url),
            ("database", "sql_alchemy_conn_async", context.database_url),
            ("airfleet", "embedded_database", str(context.ports.postgres is not None)),
        ),
        "private": tuple(one for one in airflow_settings.private_settings(context) if one[:2] != FERNET),
        "fernet": ((*FERNET, airflow_settings.fernet_keys(context)),),
        "tokens": (("api_auth", "jwt_secret", secrets.jwt_secret),),
        "sessions": (("api", "secret_key", secrets.api_secret_key),),
        "logs": ((("airfleet", "logs_key", secrets.logs_key),) if context.serves_logs else ()),
        "releases": ((("airfleet", "releases_key", secrets.releases_key),) if len(context.fleet.hosts) > 1 else ()),
        "log tokens": (
            ("api", "secret_key", secrets.logs_key),
            ("airfleet", "component_logs_key", secrets.component_logs_key),
        ),
        "broker": (
            ("celery", "broker_url", context.broker.url),
            *celery_settings.secrets(context.broker),
        ),
        "outcomes": (("celery", "result_backend", context.known_outcomes_url),),
        "failures": (("celery", "result_backend", context.told_outcomes_url),),
        "flower": (
            ("celery", "flower_basic_auth", f"{_flower_user(context)}:{secrets.flower_password}"),
            ("airfleet", "flower_cookie_secret", secrets.flower_cookie_secret),
        ),
    }
    return tuple(setting for part in KNOWS[kind] for setting in known[part])


def _flower_user(context: Context) -> str:
    return context.fleet.flower.user if context.fleet.flower else ""
