"""The report of 2019 after every line was changed that `airfleet check old/report_2019.py` names."""

from datetime import timedelta

import pendulum
from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator as DummyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.sensors.filesystem import FileSensor

default_args = {
    "owner": "reports",
    "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"),
    "retries": 1,
    "retry_delay": timedelta(seconds=5),
}


def report(logical_date, **kwargs):
    return "report of {:%Y-%m-%d}, before {:%Y-%m-%d}".format(logical_date, kwargs["data_interval_end"])


with DAG(
    "report_2019",
    default_args=default_args,
    schedule="@daily",
    max_active_tasks=4,
    catchup=False,
) as dag:
    begin = DummyOperator(task_id="begin")
    ready = FileSensor(task_id="ready", filepath="/etc/hostname", poke_interval=5)
    make = PythonOperator(task_id="make", python_callable=report)
    send = BashOperator(
        task_id="send",
        bash_command="echo sending the report of {{ logical_date.date() }}, next on {{ macros.ds_add(ds, 1) }}",
        do_xcom_push=True,
        trigger_rule="none_failed_min_one_success",
    )
    begin >> ready >> make >> send
