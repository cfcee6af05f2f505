"""The files that describe a workload: to Airflow a Python Dag, to airfleet a pipeline.

Both say the same with the same function. The Python files hold what a person would write, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from workloads import Workload

HELPER = Path(__file__).resolve().parent / "work" / "bench_work.py"

_PYTHON = """\
from airflow.sdk import DAG
from airflow.providers.standard.operators.python import PythonOperator

from bench_work import run_one

NEEDS = {needs}

with DAG("{dag_id}", schedule=None, max_active_runs={runs}):
    tasks = []
    for number, needed in enumerate(NEEDS):
        task = PythonOperator(
            task_id=f"t{{number}}",
            python_callable=run_one,
            op_kwargs={{"function": "{function}", "amount": {amount}, "number": number}},
        )
        for earlier in needed:
            tasks[earlier] >> task
        tasks.append(task)
"""

_MAPPED = """\
from airflow.sdk import DAG, task

from bench_work import run_one

with DAG("{dag_id}", schedule=None, max_active_runs={runs}):

    @task
    def t0():
        run_one("{function}", {amount}, 0)
        return list(range(1, {count} + 1))

    @task
    def each(number):
        run_one("{function}", {amount}, number)

    each.expand(number=t0())
"""


def dag_ids(workload: Workload) -> tuple[str, ...]:
    """The Dags of a workload."""
    if workload.dags == 1:
        return (workload.name,)
    return tuple(f"{workload.name}_{number}" for number in range(workload.dags))


def python_files(workload: Workload) -> Mapping[str, str]:
    """File name -> text, a file for each Dag."""
    template = _MAPPED if workload.mapped else _PYTHON
    return {
        f"{dag_id}.py": template.format(
            dag_id=dag_id,
            needs=repr(list(workload.graph)),
            function=workload.function,
            amount=workload.amount,
            runs=max(16, workload.runs),
            count=len(workload.graph) - 1,
        )
        for dag_id in dag_ids(workload)
    }


def pipeline_files(workload: Workload) -> Mapping[str, str]:
    """File name -> text, a file for each pipeline."""
    return {f"{dag_id}.yaml": "\n".join(_pipeline(workload, dag_id)) + "\n" for dag_id in dag_ids(workload)}


def _pipeline(workload: Workload, dag_id: str) -> Iterator[str]:
    yield f"dag_id: {dag_id}"
    yield "schedule: null"
    yield f"max_active_runs: {max(16, workload.runs)}"
    yield "tasks:"
    yield from _mapped_tasks(workload) if workload.mapped else _tasks(workload)


def _mapped_tasks(workload: Workload) -> Iterator[str]:
    work = f"function: {workload.function}, amount: {workload.amount}"
    yield f'  - {{id: t0, uses: "bench_work:numbers", with: {{{work}, count: {len(workload.graph) - 1}}}}}'
    yield f'  - {{id: each, uses: "bench_work:run_one", with: {{{work}}}, expand: {{number: {{$x: t0}}}}}}'


def _tasks(workload: Workload) -> Iterator[str]:
    for number, needed in enumerate(workload.graph):
        needs = f", needs: [{', '.join(f't{earlier}' for earlier in needed)}]" if needed else ""
        given = f"{{function: {workload.function}, amount: {workload.amount}, number: {number}}}"
        yield f'  - {{id: t{number}, uses: "bench_work:run_one"{needs}, with: {given}}}'
