"""What tasks leave behind: threads, processes, handlers for the end."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime

from airflow.sdk import DAG, task
from semantics_witness import tell

NAME = "leftovers"


def double(number):
    return number * 2


with DAG(NAME, schedule=None, start_date=datetime(2026, 1, 1)):

    @task
    def daemon_thread():
        threading.Thread(target=time.sleep, args=[60], daemon=True).start()
        return "done"

    @task
    def thread():
        def writes():
            time.sleep(2)
            print("printed by the thread after the task returned", flush=True)
            tell(NAME, "the thread ended")

        threading.Thread(target=writes).start()
        return "done"

    @task
    def process():
        child = subprocess.Popen(["sh", "-c", "sleep 3; echo said later; exec sleep 300"])
        tell(NAME, "child of process", child.pid)
        return "done"

    @task
    def process_in_session():
        child = subprocess.Popen(
            ["sleep", "300"], start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        tell(NAME, "child of process_in_session", child.pid)
        return "done"

    @task
    def registers():
        atexit.register(tell, NAME, "atexit ran")
        return "done"

    @task
    def registers_and_fails():
        atexit.register(tell, NAME, "atexit ran after a failure")
        raise ValueError("failed")

    @task
    def pools():
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as processes:
            print(list(processes.map(double, [1, 2])))
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(double, [3, 4]))

    @task
    def forks():
        pid = os.fork()
        if pid == 0:
            print("said by the fork", flush=True)
            os._exit(0)
        return os.waitpid(pid, 0)[1]

    @task
    def runs():
        subprocess.run(["sh", "-c", "echo to stdout; echo to stderr >&2"], check=True)
        return subprocess.run(["cat"], input="through", capture_output=True, text=True, check=True, timeout=10).stdout

    @task
    def garbage():
        class Finished:
            def __del__(self):
                tell(NAME, "deleted")

        global KEPT
        KEPT = Finished()

    daemon_thread(), thread(), process(), process_in_session(), registers(), registers_and_fails(), pools(), forks()
    runs(), garbage()
