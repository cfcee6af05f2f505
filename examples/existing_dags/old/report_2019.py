"""The nightly report as somebody wrote it in 2019, for Airflow 1.10. Airflow 3 cannot read it; see the README."""

from datetime import timedelta

from airflow import DAG
from airflow.contrib.sensors.file_sensor import FileSensor
from airflow.operators.bash_operator import BashOperator
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python_operator import PythonOperator
from airflow.utils.dates import days_ago

default_args = {
    "owner": "reports",
    "provide_context": True,
    "start_date": days_ago(2),
    "retries": 1,
    "retry_delay": timedelta(seconds=5),
}


def report(execution_date, **kwargs):
    return "report of {:%Y-%m-%d}, before {}".format(execution_date, kwargs["next_ds"])


with DAG(
    "report_2019",
    default_args=default_args,
    schedule_interval="@daily",
    concurrency=4,
    catchup=False,
) as dag:
    begin = DummyOperator(task_id="begin")
    ready = FileSensor(task_id="ready", filepath="/etc/hostname", poke_interval=5)
    make = PythonOperator(task_id="make", python_callable=report, provide_context=True)
    send = BashOperator(
        task_id="send",
        bash_command="echo sending the report of {{ execution_date.date() }}, next on {{ tomorrow_ds }}",
        xcom_push=True,
        trigger_rule="none_failed_or_skipped",
    )
    begin >> ready >> make >> send
