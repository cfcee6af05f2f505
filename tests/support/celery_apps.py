"""Celery as the components of a fleet have it, for tests that speak to them through the broker."""

from __future__ import annotations

import configparser
import json
from collections.abc import Mapping
from pathlib import Path

from celery import Celery

from airfleet.fleet.planning.celery_settings import TRANSPORT
from airfleet.worker import queue_declarations


def application(url: str, sections: Mapping[str, Mapping[str, str]]) -> Celery:
    """Make an application with the settings that ``airflow.cfg`` has in these sections."""
    app = Celery(broker=url, set_as_current=False)
    app.conf.update(json.loads(sections["celery"]["extra_celery_config"]))
    options = sections.get(TRANSPORT, {})
    app.conf.broker_transport_options = {key: value for key, value in options.items() if key.startswith("unacked")}
    app.conf.task_default_queue = "default"
    queue_declarations.prepare(app)
    return app


def settings_of(airflow_home: Path) -> Mapping[str, Mapping[str, str]]:
    """Give the sections of a fleet's ``airflow.cfg``."""
    parser = configparser.ConfigParser()
    parser.read(airflow_home / "airflow.cfg", encoding="utf-8")
    return {name: dict(parser[name]) for name in parser.sections()}
