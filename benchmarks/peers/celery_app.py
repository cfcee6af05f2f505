"""The application that Celery's worker and its callers share."""

from __future__ import annotations

import os

import celery
from work.bench_work import run_one

app = celery.Celery("bench", broker=os.environ["BENCH_BROKER"], backend=os.environ["BENCH_BACKEND"])
one = app.task(run_one, name="one")
