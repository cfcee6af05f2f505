"""``airfleet show``: the graph of a pipeline, drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.cli import options, pipeline_file, tables, terminal
from airfleet.cli.graph import dot, layers, svg, text
from airfleet.cli.graph.layers import Graph, Node

if TYPE_CHECKING:
    from airfleet.pipelines.spec import Pipeline


@click.command(
    epilog="\b\nExamples:\n  airfleet show pipelines/hello.yaml\n"
    "  airfleet show pipelines/orders.yaml --job eu -o svg > orders.svg"
)
@click.argument("file", type=click.Path(path_type=Path))
@options.option("--job", metavar="NAME", help="Which job of the file; without it, every one.")
@options.output("text", "svg", "dot", "json", default="text", envvar="AIRFLEET_SHOW_OUTPUT")
@options.project
def command(file: Path, job: str | None, output: str, project: Path | None) -> None:
    """Draw the graph of a pipeline."""
    pipelines = pipeline_file.read(file, job, project)
    if output == "json":
        tables.put_value([as_data(pipeline) for pipeline in pipelines], "json")
    elif output == "text":
        terminal.put("\n\n".join(_as_text(pipeline) for pipeline in pipelines))
    else:
        pipeline = pipeline_file.the_only(pipelines, file)
        drawing = svg.draw if output == "svg" else dot.draw
        terminal.put(drawing(graph(pipeline), pipeline.dag_id).rstrip("\n"))


def graph(pipeline: Pipeline) -> Graph:
    """The tasks of a pipeline and which waits for which."""
    nodes = tuple(Node(task.id, task.uses.written if task.uses else "") for task in pipeline.tasks)
    known = {task.id for task in pipeline.tasks}
    edges = tuple((up, task.id) for task in pipeline.tasks for up in task.upstream if up in known)
    return Graph(nodes, edges)


def as_data(pipeline: Pipeline) -> dict[str, Any]:
    """The graph for programs; ``layer`` counts from 0."""
    arranged = layers.arrange(graph(pipeline))
    layer = {vertex.task: vertex.layer for group in arranged.layers for vertex in group if not vertex.bend}
    tasks = [
        {
            "id": task.id,
            "uses": task.uses.written if task.uses else None,
            "needs": list(task.upstream),
            "layer": layer[task.id],
        }
        for task in pipeline.tasks
    ]
    return {"dag_id": pipeline.dag_id, "job": pipeline.job, "schedule": _schedule(pipeline), "tasks": tasks}


def _as_text(pipeline: Pipeline) -> str:
    count = len(pipeline.tasks)
    schedule = _schedule(pipeline)
    when = f"schedule {schedule}" if schedule else "runs when triggered"
    title = f"{terminal.style(pipeline.dag_id, bold=True)}: {count} {'task' if count == 1 else 'tasks'}, {when}"
    return f"{title}\n\n{text.draw(graph(pipeline), terminal.width())}"


def _schedule(pipeline: Pipeline) -> str | None:
    schedule = pipeline.schedule
    return schedule if schedule is None or isinstance(schedule, str) else schedule.path
