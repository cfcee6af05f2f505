"""A workload as a job of Dagster; a module of its own, because each step's process imports it."""

from __future__ import annotations

from typing import Any

import dagster  # type: ignore[import-not-found]
from peers.driver import decode
from work.bench_work import run_one


def job(line: str, multiprocess: bool, slots: int) -> Any:
    """The job of an encoded workload."""
    workload, _ = decode(line)
    executor = (
        dagster.multiprocess_executor.configured({"max_concurrent": slots})
        if multiprocess
        else dagster.in_process_executor
    )
    ops = [
        _op(number, bool(needed), workload.function, workload.amount) for number, needed in enumerate(workload.graph)
    ]
    needs = {
        f"t{number}": {
            "after": dagster.MultiDependencyDefinition([dagster.DependencyDefinition(f"t{one}") for one in needed])
        }
        for number, needed in enumerate(workload.graph)
        if needed
    }
    graph = dagster.GraphDefinition(name=workload.name, node_defs=ops, dependencies=needs)
    return graph.to_job(executor_def=executor)


def _op(number: int, waits: bool, function: str, amount: float) -> Any:
    def compute(context) -> None:  # type: ignore[no-untyped-def]  # any annotation is read and refused
        run_one(function, amount, number, context.run.tags["bench_run"])

    ins = {"after": dagster.In(dagster.Nothing)} if waits else {}
    return dagster.op(name=f"t{number}", ins=ins, out=dagster.Out(dagster.Nothing))(compute)
