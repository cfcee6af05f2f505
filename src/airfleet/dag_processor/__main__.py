"""``python -m airfleet.dag_processor``: a dag-processor that reads pipelines, beside components of Airflow's own.

It is what ``airflow dag-processor`` is elsewhere, with settings of ``airflow.cfg`` and the environment.
"""

from __future__ import annotations

from airfleet.dag_processor.job_runner import run_dag_processor

if __name__ == "__main__":
    run_dag_processor()
