"""What a task of every benchmark does, in every system: a function, and a line in a ledger that says so.

The line is the witness that the task ran, how often, in which process and when. It is written with one append, which
the kernel does not tear apart; ``BENCH_LEDGER`` names the file. Standard library only: every system imports this.
"""

from __future__ import annotations

import os
import time


def run_one(function: str, amount: float, number: int, run: str = "") -> int | None:
    """Do one task's work. Airflow names the run itself, in the environment."""
    began = time.time()
    result = _FUNCTIONS[function](amount)
    run = run or f"{os.environ['AIRFLOW_CTX_DAG_ID']}/{os.environ['AIRFLOW_CTX_DAG_RUN_ID']}"
    line = f"{run}\t{number}\t{began:.6f}\t{time.time():.6f}\t{os.getpid()}\n"
    ledger = os.open(os.environ["BENCH_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(ledger, line.encode())
    os.close(ledger)
    return result


def numbers(function: str, amount: float, count: int) -> list[int]:
    """Do the first task's work, and number the others."""
    run_one(function, amount, 0)
    return list(range(1, count + 1))


def fibo(n: float) -> int:
    """The Fibonacci number, in the naive way that costs time."""
    return int(n) if n < 2 else fibo(n - 1) + fibo(n - 2)


def _noop(_: float) -> None:
    return None


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


_FUNCTIONS = {"fibo": fibo, "noop": _noop, "sleep": _sleep}
