"""The warm-up of the zygote: work that code does the first time it runs, done once before any fork. [A]

Each process that runs code for the first time writes: an abstract class notes its answers, a parser builds its tables,
the outline of an operator's module is read. Done in the zygote, that is not repeated, and its pages are shared: a page
that a child writes to is a page of its own.

Nothing here connects to a database or a broker, or starts a thread. A part that fails is done by each process itself,
which costs time and memory, and nothing else.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib
import sys
import tempfile
import traceback
from collections import abc
from pathlib import Path

#: A pipeline with what most pipelines have.
_PIPELINE = """\
dag_id: first_time
schedule: "@daily"
start_date: 2026-01-01
defaults: {retries: 1, retry_delay: 1s}
params: {name: world}
tasks:
  - {id: first, uses: bash, with: {bash_command: {$t: "echo {{ ds }} {{ params.name }}"}}}
  - {id: second, uses: bash, needs: [first], with: {bash_command: {$x: first}}}
"""
_ABSTRACT = (abc.Mapping, abc.MutableMapping, abc.Sequence, abc.MutableSequence, abc.Set, abc.Iterable, abc.Collection)
_COMMON = (
    *(bool, int, float, str, bytes, type(None), list, tuple, dict, set, frozenset),
    *(datetime.datetime, datetime.date, datetime.timedelta, Path),
)


def run() -> None:
    """Do all of it, and say what failed."""
    for part in (read_a_pipeline, declare_functions_of_c, ask_abstract_classes):
        try:
            part()
        except Exception:  # a disk without room, say: the fleet starts all the same
            print(f"the warm-up lacks a part: {part.__name__}", file=sys.stderr)
            traceback.print_exc()


def read_a_pipeline() -> None:
    """Read, check, build and serialize a pipeline, as each process does that parses files or runs their tasks."""
    from airfleet.pipelines.airflow import import_common

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "first_time.yaml"
        file.write_text(_PIPELINE, encoding="utf-8")
        _, problems = import_common.dags_and_problems(file, None)
    assert not problems, problems
    import_common.TAKEN_IN.clear()
    import_common.NAMED_MODULES.clear()


def declare_functions_of_c() -> None:
    """Let Celery's pool of processes declare the function that it calls in each slot, for which it builds a parser."""
    with contextlib.suppress(OSError):  # not on this system; then it is not called either
        importlib.import_module("billiard.util").get_pdeathsig()


def ask_abstract_classes() -> None:
    """Let abstract classes note that common values are none of theirs, for which they ask each of their subclasses."""
    for kind in _COMMON:
        for abstract in _ABSTRACT:
            issubclass(kind, abstract)
