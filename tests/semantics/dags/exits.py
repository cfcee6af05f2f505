"""Every way in which a task's process can end."""

# ruff: noqa: RET503
from __future__ import annotations

import importlib
import os
import resource
import signal
import sys
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException


class Own(Exception):
    def __init__(self, code, words):
        super().__init__(code, words)
        self.code = code


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text for this")


class Deepest(BaseException):
    pass


def leave(how):
    def nested():
        print(f"leaving by {how}", flush=True)
        match how:
            case "return":
                return "done"
            case "raise":
                raise ValueError("wrong value")
            case "cause":
                try:
                    {}["key"]
                except KeyError as error:
                    raise RuntimeError("because of a key") from error
            case "context":
                try:
                    {}["key"]
                except KeyError:
                    raise RuntimeError("while another was handled")  # noqa: B904
            case "group":
                raise ExceptionGroup("several", [ValueError("one"), ExceptionGroup("inner", [KeyError("two")])])
            case "notes":
                error = ValueError("with notes")
                error.add_note("the first note")
                raise error
            case "own":
                raise Own(7, "own words")
            case "unprintable":
                raise Unprintable
            case "base":
                raise Deepest("a BaseException")
            case "generator":
                raise StopIteration(3)
            case "recursion":
                return nested()
            case "syntax":
                compile("x = = 1", "given.txt", "exec")
            case "assertion":
                assert how == "other", "not the other"
            case "memory":
                resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                raise MemoryError("no more of it")
            case "interrupt":
                raise KeyboardInterrupt
            case "airflow":
                raise AirflowException("Airflow's own")
            case "fail":
                raise AirflowFailException("for good")
            case "skip":
                raise AirflowSkipException("not today")
            case "exit_text":
                sys.exit("last words")
            case "exit_none":
                sys.exit()
            case "exit_0":
                sys.exit(0)
            case "exit_5":
                sys.exit(5)
            case "os_exit_0":
                os._exit(0)
            case "os_exit_3":
                os._exit(3)
            case "abort":
                os.abort()
            case "import":
                importlib.import_module("there_is_no_such_module")
            case _:
                os.kill(os.getpid(), signal.Signals[how])
                signal.sigtimedwait([], 20)

    return nested()


PYTHON = (
    "return", "raise", "cause", "context", "group", "notes", "own", "unprintable", "base", "generator", "recursion",
    "syntax", "assertion", "memory", "interrupt", "airflow", "fail", "skip", "exit_text", "exit_none", "exit_0",
    "exit_5", "os_exit_0", "os_exit_3", "abort", "import",
)  # fmt: skip
SIGNALS = ("SIGKILL", "SIGSEGV", "SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGPIPE", "SIGABRT")

with DAG("exits", schedule=None, start_date=datetime(2026, 1, 1)):
    for way in PYTHON:
        PythonOperator(task_id=way, python_callable=leave, op_args=[way])

with DAG("exits_by_signal", schedule=None, start_date=datetime(2026, 1, 1)):
    for way in SIGNALS:
        PythonOperator(task_id=way, python_callable=leave, op_args=[way])

with DAG("exits_of_bash", schedule=None, start_date=datetime(2026, 1, 1)):
    BashOperator(task_id="exit_0", bash_command="echo fine")
    BashOperator(task_id="exit_7", bash_command="echo seven; exit 7")
    BashOperator(task_id="exit_99", bash_command="echo skipped; exit 99")
    BashOperator(task_id="exit_42", bash_command="exit 42", skip_on_exit_code=[41, 42])
    BashOperator(task_id="exit_99_fails", bash_command="exit 99", skip_on_exit_code=None)
    BashOperator(task_id="killed", bash_command="kill -KILL $$")
    BashOperator(task_id="no_command", bash_command="there-is-no-such-command")
    BashOperator(task_id="no_folder", bash_command="true", cwd="/there/is/no/such/folder")
    BashOperator(task_id="to_stderr", bash_command="echo out; echo err >&2; printf 'no newline'")
    BashOperator(task_id="long_output", bash_command="seq 1 300; head -c 5000 /dev/zero | tr '\\0' x")
    BashOperator(task_id="in_folder", bash_command="pwd", cwd="/usr")
    BashOperator(task_id="own_env", bash_command='echo "$WORD/$SEMANTICS_WORD"', env={"WORD": "given"})
    BashOperator(
        task_id="more_env", bash_command='echo "$WORD/$SEMANTICS_WORD"', env={"WORD": "given"}, append_env=True
    )
    BashOperator(task_id="context_env", bash_command="env | grep ^AIRFLOW_CTX | sort")
    BashOperator(task_id="reads_stdin", bash_command="timeout 2 cat; echo $?")

FAST = {"retry_delay": timedelta(seconds=1)}

with DAG("exits_with_retries", schedule=None, start_date=datetime(2026, 1, 1), default_args=FAST):
    for way in ("raise", "fail", "skip", "os_exit_3", "exit_5", "SIGKILL", "SIGTERM", "SIGSEGV", "return"):
        PythonOperator(task_id=way, python_callable=leave, op_args=[way], retries=1)

    @task(retries=3)
    def third_time(ti=None, **context):
        print(f"try {ti.try_number} of {ti.max_tries + 1}")
        ti.xcom_push("tried", ti.try_number)
        if ti.try_number < 3:
            raise RuntimeError(f"not yet, {ti.try_number}")
        return ti.try_number

    @task(retries=2, retry_delay=timedelta(seconds=0.1), retry_exponential_backoff=True, max_retry_delay=1)
    def backs_off(ti=None):
        raise RuntimeError("never")

    @task
    def after(value):
        return value * 10

    after(third_time())
    backs_off()
