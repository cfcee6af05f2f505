"""Tasks that somebody ends from outside while they run."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, BaseOperator
from semantics_witness import called, tell

CALLBACKS = {
    f"{kind}_callback": called(kind) for kind in ("on_execute", "on_success", "on_failure", "on_retry", "on_skipped")
}


class Waits(BaseOperator):
    def execute(self, context):
        ti = context["ti"]
        child = subprocess.Popen(["sleep", "300"])
        tell(self.dag_id, "runs", self.task_id, "try", ti.try_number, "process", os.getpid(), "child", child.pid)
        print("waits", flush=True)
        if ti.try_number > 1:
            child.kill()
            return "second time"
        try:
            time.sleep(40)
        except BaseException as error:
            tell(self.dag_id, "raised in", self.task_id, type(error).__name__, error)
            raise
        finally:
            tell(self.dag_id, "finally", self.task_id)
            print("finally", flush=True)

    def on_kill(self):
        tell(self.dag_id, "on_kill", self.task_id)
        print("on_kill", flush=True)


class Stubborn(Waits):
    def execute(self, context):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return super().execute(context)


def dag(dag_id, *operators, **more):
    with DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1), default_args=CALLBACKS, **more) as made:
        for kind, options in operators:
            kind(task_id="work", **options) >> BashOperator(task_id="after", bash_command="true")
    return made


dag("killed_marked_failed", (Waits, {"retries": 1, "retry_delay": timedelta(seconds=1)}))
dag("killed_marked_success", (Waits, {}))
dag("killed_cleared", (Waits, {}))
dag("killed_run_failed", (Waits, {}), on_failure_callback=called("dag_failure"))
dag("killed_run_success", (Waits, {}))
dag("killed_process", (Waits, {"retries": 1, "retry_delay": timedelta(seconds=1)}))
dag("killed_terminated", (Waits, {}))
dag(
    "killed_bash",
    (
        BashOperator,
        {
            "bash_command": "trap 'echo trapped >> $SEMANTICS_WITNESS/killed_bash.txt; exit 3' TERM; "
            "echo runs work process $$ >> $SEMANTICS_WITNESS/killed_bash.txt; echo waits; sleep 120 & wait"
        },
    ),
)
