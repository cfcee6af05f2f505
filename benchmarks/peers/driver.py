"""The side of a peer's process: workloads come in on standard input, a line of JSON each, and answers go out so too.

What a peer prints goes to its log instead: standard output is kept for the answers. An answer is either
``{"began", "ended", "asked"}`` or ``{"failed"}``.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from workloads import Workload

#: does a whole workload; run -> when it was asked for
Do = Callable[[Workload, str], Mapping[str, float]]


def serve(version: str, do: Do) -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"version": version}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(do, *decode(line))), file=answers, flush=True)


def encode(workload: Workload, label: str) -> str:
    """A workload as a line."""
    return json.dumps({"workload": asdict(workload), "label": label})


def decode(line: str) -> tuple[Workload, str]:
    """The workload of a line, and the label of its run."""
    given = json.loads(line)
    fields = given["workload"]
    graph = tuple(tuple(needed) for needed in fields.pop("graph"))
    return Workload(graph=graph, **fields), str(given["label"])


def run_names(workload: Workload, label: str) -> list[str]:
    """One name for each copy of the graph."""
    return [f"{label}-{number}" for number in range(workload.dags * workload.runs)]


def each_in_a_thread(names: list[str], slots: int, run: Callable[[str], None]) -> Mapping[str, float]:
    """Do every run, so many at once; when each was asked for."""
    asked = dict.fromkeys(names, time.time())
    with ThreadPoolExecutor(slots) as pool:
        list(pool.map(run, names))
    return asked


def _answer(do: Do, workload: Workload, label: str) -> Mapping[str, object]:
    began = time.time()
    try:
        asked = do(workload, label)
    except Exception as error:
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}"[:300]}
    return {"began": began, "ended": time.time(), "asked": dict(asked)}
