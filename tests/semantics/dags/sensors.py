"""Sensors and rescheduling."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.sensors.bash import BashSensor
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, PokeReturnValue, task, timezone
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSensorTimeout, AirflowSkipException
from semantics_witness import called, tell

FAST = {"poke_interval": 1, "timeout": 60}


class Comes(BaseSensorOperator):
    """Is there after a number of looks, which it counts outside of the process."""

    def __init__(self, after, **more):
        super().__init__(**FAST | more)
        self.after = after

    def poke(self, context):
        import os
        from pathlib import Path

        tell("sensors", self.task_id, "looks")
        lines = Path(os.environ["SEMANTICS_WITNESS"], "sensors.txt").read_text().splitlines()
        looks = lines.count(f"{self.task_id} looks")
        print(f"look {looks}")
        return PokeReturnValue(is_done=looks >= self.after, xcom_value=f"{looks} looks")


class Reschedules(BaseOperator):
    def execute(self, context):
        before = context["ti"].get_first_reschedule_date(context)
        print(f"rescheduled before: {before is not None}")
        if before is None:
            raise AirflowRescheduleException(timezone.utcnow() + timedelta(seconds=1))
        return "came back"


def raises(error):
    raise error


with DAG(
    "sensors",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    default_args={"retry_delay": timedelta(seconds=1), "on_success_callback": called("on_success")},
):
    Comes(task_id="comes", after=2, mode="poke")
    Comes(task_id="comes_rescheduled", after=3, mode="reschedule")
    Reschedules(task_id="reschedules")
    PythonSensor(task_id="never", python_callable=lambda: False, poke_interval=1, timeout=2, mode="poke")
    PythonSensor(
        task_id="never_rescheduled",
        python_callable=lambda: False,
        poke_interval=3,  # longer than the timeout: so it looks twice, however fast the rest is
        timeout=2,
        mode="reschedule",
        retries=1,
    )
    PythonSensor(task_id="never_softly", python_callable=lambda: False, poke_interval=1, timeout=2, soft_fail=True)
    PythonSensor(task_id="breaks", python_callable=raises, op_args=[ValueError("broken look")], **FAST, retries=1)
    PythonSensor(task_id="breaks_softly", python_callable=raises, op_args=[ValueError("look")], soft_fail=True, **FAST)
    PythonSensor(
        task_id="breaks_silently", python_callable=raises, op_args=[ValueError("look")], silent_fail=True,
        poke_interval=1, timeout=2,
    )  # fmt: skip
    PythonSensor(
        task_id="never_fails", python_callable=raises, op_args=[ValueError("look")], never_fail=True, poke_interval=1
    )
    PythonSensor(task_id="skips", python_callable=raises, op_args=[AirflowSkipException("skip")], **FAST)
    PythonSensor(task_id="times_out", python_callable=raises, op_args=[AirflowSensorTimeout("own")], retries=2, **FAST)
    BashSensor(task_id="bash_retries", bash_command="exit 2", retry_exit_code=1, **FAST)

    @task.sensor(poke_interval=1, timeout=30, mode="reschedule")
    def decorated(ti=None):
        return PokeReturnValue(is_done=True, xcom_value={"found": ti.task_id})

    @task
    def uses(value):
        return value["found"]

    uses(decorated())
