"""Settings of one component, applied after its fork, and its end. [A]"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Mapping, Sequence

from airfleet.system import connection_timeouts

Options = Mapping[str, str]

#: variables that Celery prefers to its settings
CELERY_VARIABLES = frozenset({
    "CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "CELERY_RESULT_BACKEND",
    "CELERY_CONFIG_MODULE", "CELERY_LOADER",
})  # fmt: skip


def apply(settings: Sequence[Sequence[str]]) -> None:
    """Set the settings of this component alone, in both configurations that Airflow keeps."""
    from airflow.configuration import conf
    from airflow.sdk.configuration import conf as sdk_conf

    for section, key, value in settings:
        for configuration in (conf, sdk_conf):
            # Airflow replaces names behind a percent sign, which in a URL stands for itself.
            configuration.set(section, key, value.replace("%", "%%"))
        if (section, key) == ("celery", "broker_url"):
            _forget_other_brokers()


def _forget_other_brokers() -> None:
    """Remove variables of a shell that name another broker; a worker's pool, and so tasks, keep them."""
    for name in CELERY_VARIABLES & os.environ.keys():
        del os.environ[name]


def use_database() -> None:
    """Make the engine and the sessions for the database that :func:`apply` named."""
    from airflow import settings
    from airflow.configuration import conf

    if conf.getboolean("airfleet", "embedded_database", fallback=False):
        connection_timeouts.forget_the_callers(os.environ)
    settings.configure_vars()
    settings.configure_orm()


def finish() -> None:
    """Close connections and logs, as Airflow does at the exit of an interpreter."""
    from airflow import settings

    settings.dispose_orm(do_log=False)
    logging.shutdown()


def end_on_signals() -> None:
    """End this component on SIGINT and SIGTERM as Airflow does."""
    from airflow.utils.cli import sigint_handler

    signal.signal(signal.SIGINT, sigint_handler)
    signal.signal(signal.SIGTERM, sigint_handler)
