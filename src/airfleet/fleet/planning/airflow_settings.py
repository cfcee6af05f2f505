"""The fleet's ``airflow.cfg``: everything but secrets, each setting with its reason."""

from __future__ import annotations

import configparser
import io
import json
from collections.abc import Mapping

from airfleet.fleet.config.spec import LOCAL
from airfleet.fleet.planning import default_settings, patience
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Setting

#: sections that no task reads
_OF_SERVERS = frozenset({"core", "database", "api", "api_auth", "celery", "scheduler", "dag_processor", "fab"})


def configuration(context: Context) -> str:
    """Write the text of ``airflow.cfg``."""
    parser = configparser.RawConfigParser()
    parser.read_dict({name: _in_file(context, name, values) for name, values in sections(context).items()})
    text = io.StringIO()
    parser.write(text)
    return (
        "# Written by airfleet at every start. Change the 'airflow:' section of fleet.yaml instead.\n" + text.getvalue()
    )


def _in_file(context: Context, section: str, values: Mapping[str, str]) -> dict[str, str]:
    """Leave out the settings that only components need: tasks can read the file."""
    private = {setting[:2] for setting in private_settings(context)}
    return {key: as_written(value) for key, value in values.items() if (section, key) not in private}


def as_written(value: str) -> str:
    """Escape a value for Airflow, which takes ``%`` in its file for the beginning of a reference.

    >>> [as_written(value) for value in ("100%", "%(message)s", "already %%(message)s")]
    ['100%%', '%%(message)s', 'already %%(message)s']
    """
    return value if "%" not in value.replace("%%", "") else value.replace("%", "%%")


def private_settings(context: Context) -> tuple[Setting, ...]:
    """Secret values in ``airflow:`` that only components with a database need: no file has them."""
    return tuple(
        (section, key, value)
        for section, values in context.fleet.airflow.items()
        for key, value in values.items()
        if f"{section}.{key}" in context.fleet.secret_settings and _is_of_servers(section)
    )


def _is_of_servers(section: str) -> bool:
    return section in _OF_SERVERS or section.endswith("_auth_manager")


def fernet_keys(context: Context) -> str:
    """Join the Fernet keys of connections and variables: the first encrypts, all are tried for decryption.

    Those of fleet.yaml come first. The fleet's own stays behind them: it may have encrypted what is there.
    """
    given = context.fleet.airflow.get("core", {}).get("fernet_key", "")
    own = context.secrets.fernet_key
    return ",".join(dict.fromkeys(key.strip() for key in f"{given},{own}".split(",") if key.strip()))


def sections(context: Context) -> dict[str, dict[str, str]]:
    """Map each section to its options and their values, those of fleet.yaml included."""
    made = default_settings.sections(context)
    for section, values in context.sizing.airflow.items():
        made.setdefault(section, {}).update(values)
    for section, values in context.fleet.airflow.items():
        ours = made.setdefault(section, {})
        for key, value in values.items():
            ours[key] = _value(context, f"{section}.{key}", ours.get(key), value)
    made.setdefault("execution_api", {}).setdefault("jwt_expiration_time", str(patience.token_life(made)))
    return made


def _value(context: Context, name: str, ours: str | None, theirs: str) -> str:
    """Choose the value of a setting that fleet.yaml has, and airfleet may have."""
    if name == "core.executor" and ours:
        return ours  # it is the Celery executor, under the name that Airflow has for it
    if name == "core.simple_auth_manager_users":
        return ",".join(f"{user}:{rest}" for user, rest in users(context).items())
    if name.startswith("sdk.") or name == "celery.extra_celery_config":
        return _merged(ours, theirs)
    return theirs


def _merged(ours: str | None, theirs: str) -> str:
    """Coordinators of other languages beside ours, and their queues."""
    try:
        return json.dumps({**json.loads(ours or "{}"), **json.loads(theirs)})
    except (TypeError, ValueError):  # not a JSON object: Airflow says so
        return theirs


def environment(context: Context) -> dict[str, str]:
    """Environment of the zygote and all its forks; nothing in it is secret."""
    return {
        **context.fleet.task_environment,
        **({"AIRFLEET_HOST": context.host} if context.host != LOCAL else {}),
        "AIRFLOW_HOME": str(context.paths.airflow_home),
        "AIRFLOW_CONFIG": str(context.paths.airflow_home / "airflow.cfg"),
        "AIRFLEET_PROJECT": context.fleet.root,
        **({"AIRFLEET_TASK_USER": context.task_user} if context.task_user else {}),
        **({"AIRFLEET_DAG_ZYGOTES": str(kept)} if (kept := context.sizing.dag_zygotes) else {}),
        **({} if _shares_api(context) else {"AIRFLEET_OWN_API": "1"}),
        "PYTHONUNBUFFERED": "1",
        # With embedded servers every worker is on this machine, and so of this very Airflow.
        "AIRFLEET_EXECUTION_API": "current" if context.embedded else "all",
        # Process titles stay within argv: the environment behind it, which marks a fleet's processes, is kept.
        "SPT_NOENV": "1",
        # Threads of the api-server would each get a memory arena of their own.
        "MALLOC_ARENA_MAX": "2",
    }


def _shares_api(context: Context) -> bool:
    """Tell whether the zygote builds the application of the API, which several api-servers always share."""
    return context.sizing.shares_api or len(context.ports.api_servers) > 1


def passwords(context: Context) -> str:
    """Write the text of that file: Airflow would make, and print, missing passwords."""
    found = {name: context.secrets.password_of(name) for name in users(context)}
    return json.dumps({**found, context.fleet.user: context.secrets.user_password}, indent=1) + "\n"


def users(context: Context) -> dict[str, str]:
    """List the users of Airflow's simple auth manager, with role and teams: the fleet's own, and those it adds."""
    listed = context.fleet.airflow.get("core", {}).get("simple_auth_manager_users", "")
    entries = (entry.strip().partition(":") for entry in listed.split(",") if entry.strip())
    return {context.fleet.user: "admin", **{name: rest for name, _, rest in entries}}
