"""Main functions of Airflow's components, called after their fork. [A]

Each does what the ``airflow`` command of its name does, without the parts that the agent does itself: no daemon, no log
server of its own, no second process that cleans up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from airfleet.zygote.component_settings import Options
from airfleet.zygote.database_steps import migrate, objects
from airfleet.zygote.job_components import dag_processor, scheduler, triggerer
from airfleet.zygote.server_components import api_server, flower, log_server
from airfleet.zygote.worker_component import start_pool, worker

#: component -> its steps between the fork and its settings, secrets among them
PREPARATIONS: Mapping[str, Callable[[int], None]] = {"worker": start_pool}

#: component -> its main function
ENTRIES: Mapping[str, Callable[[Options], None]] = {
    "migrate": migrate,
    "objects": objects,
    "scheduler": scheduler,
    "dag-processor": dag_processor,
    "triggerer": triggerer,
    "api-server": api_server,
    "worker": worker,
    "log-server": log_server,
    "flower": flower,
}
