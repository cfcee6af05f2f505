"""``airfleet show``: the graph of a pipeline, drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from airfleet.cli import options
from airfleet.cli.graph import dot, layers, mermaid, svg, text
from airfleet.cli.graph.layers import Graph
from airfleet.cli.graph.pipeline_graph import graph, repeated
from airfleet.cli.output import tables, terminal
from airfleet.cli.queries import pipeline_file
from airfleet.errors import FleetError, listed

if TYPE_CHECKING:
    from airfleet.pipelines.language.spec import Group, Pipeline, Task

#: What a terminal can show; a larger graph is summed up.
MOST_TASKS: Final = 500
LARGEST_TEXT: Final = 5_000
#: Boxes and lines of a picture.
LARGEST_PICTURE: Final = 30_000


@click.command(
    epilog="\b\nExamples:\n  airfleet show pipelines/hello.yaml\n"
    "  airfleet show pipelines/orders.yaml --job eu -o svg > orders.svg"
)
@click.argument("file", type=click.Path(readable=False, path_type=Path))
@options.option("--job", metavar="NAME", help="Which job of the file; without it, every one.")
@options.option(
    "--all-arrows", is_flag=True, help="Draw also the arrows that a longer way implies (dot and json always have them)."
)
@options.output("text", "svg", "dot", "mermaid", "json", default="text", envvar="AIRFLEET_SHOW_OUTPUT")
@options.project
def command(file: Path, job: str | None, all_arrows: bool, output: str, project: Path | None) -> None:
    """Draw the graph of a pipeline.

    Of the arrows a to b, b to c and a to c, the last is implied and not drawn.
    Of more tasks than a terminal can show, there is a summary instead.
    """
    pipelines = pipeline_file.read(file, job, project)
    if output == "json":
        tables.put_value([as_data(pipeline) for pipeline in pipelines], "json")
    elif output == "text":
        terminal.put("\n\n".join(_as_text(alike, drawn, all_arrows) for drawn, alike in _by_graph(pipelines)))
    else:
        title, whole = _the_graph(pipelines, file)
        drawings = {"dot": dot.draw, "mermaid": mermaid.draw}
        picture = drawings[output](whole, title) if output in drawings else _as_svg(whole, title, all_arrows)
        terminal.put(picture.rstrip("\n"))


def as_data(pipeline: Pipeline) -> dict[str, Any]:
    """Return the graph for programs; ``layer`` counts from 0."""
    drawn = graph(pipeline)
    layer = layers.levels(drawn)
    needs: dict[str, list[str]] = {task.id: [] for task in pipeline.tasks}
    for up, task in drawn.edges:
        needs[task].append(up)
    tasks = [
        {
            "id": task.id,
            "uses": task.uses.written if task.uses else None,
            "needs": needs[task.id],
            "layer": layer[task.id],
            "group": task.group or None,
            "expand": sorted(task.expand.values) if task.expand else None,
        }
        for task in pipeline.tasks
    ]
    return {"dag_id": pipeline.dag_id, "job": pipeline.job, "schedule": _schedule(pipeline), "tasks": tasks}


def _by_graph(pipelines: Sequence[Pipeline]) -> list[tuple[Graph, list[Pipeline]]]:
    """Group the pipelines by what they look like: the jobs of a file mostly look alike."""
    groups: dict[Graph, list[Pipeline]] = {}
    for pipeline in pipelines:
        groups.setdefault(graph(pipeline), []).append(pipeline)
    return list(groups.items())


def _the_graph(pipelines: Sequence[Pipeline], file: Path) -> tuple[str, Graph]:
    """Return the one graph of the file and its title; jobs that look alike are one."""
    alike = _by_graph(pipelines)
    if len(alike) == 1 and len(pipelines) > 1:
        return file.stem, alike[0][0]
    pipeline = pipeline_file.the_only(pipelines, file)
    return pipeline.dag_id, graph(pipeline)


def _as_text(pipelines: Sequence[Pipeline], drawn: Graph, all_arrows: bool) -> str:
    lines = [_title(pipeline) for pipeline in pipelines]
    shown = drawn if all_arrows else layers.without_implied(drawn)
    if len(shown.nodes) > MOST_TASKS or layers.size(shown) > LARGEST_TEXT:
        return "\n".join([*lines, "", *summary(shown)])
    lines += ["", text.draw(shown, terminal.width())]
    if repeated := _all_repeated(pipelines[0]):
        lines += ["", *repeated]
    left_out = len(drawn.edges) - len(shown.edges)
    if left_out:
        lines += ["", f"{left_out} implied {'arrow' if left_out == 1 else 'arrows'} left out (--all-arrows)"]
    return "\n".join(lines)


def _all_repeated(pipeline: Pipeline) -> list[str]:
    """Describe the tasks and groups that are repeated when they run; a drawing in a terminal has no room for it."""
    entries: list[Task | Group] = [*pipeline.tasks, *pipeline.groups]
    return [f"{entry.id} runs for each of its items: {repeated(entry)}" for entry in entries if entry.expand]


def summary(graph: Graph) -> list[str]:
    """Describe a graph that is too large to be drawn in a terminal."""
    level = layers.levels(graph)
    wide = Counter(level.values())
    most = max(wide, key=lambda layer: (wide[layer], -layer))
    waiting, waited_for = {down for _, down in graph.edges}, {up for up, _ in graph.edges}
    rows = [
        ("arrows", f"{len(graph.edges):,}"),
        ("longest way", f"{max(level.values()) + 1:,} tasks"),
        ("side by side", f"{wide[most]:,} at the most, in layer {most}"),
        ("first", listed([node.id for node in graph.nodes if node.id not in waiting])),
        ("last", listed([node.id for node in graph.nodes if node.id not in waited_for])),
    ]
    return [
        *(f"  {name:<12}  {value}" for name, value in rows),
        "",
        "too large to be drawn here: -o svg makes a picture, -o dot and -o json say everything",
    ]


def _title(pipeline: Pipeline) -> str:
    count, schedule = len(pipeline.tasks), _schedule(pipeline)
    when = f"schedule {schedule}" if schedule else "runs when triggered"
    return f"{terminal.style(pipeline.dag_id, bold=True)}: {count} {'task' if count == 1 else 'tasks'}, {when}"


def _as_svg(whole: Graph, title: str, all_arrows: bool) -> str:
    shown = whole if all_arrows else layers.without_implied(whole)
    if (parts := layers.size(shown)) > LARGEST_PICTURE:
        hint = "-o dot writes it for Graphviz, -o json for programs"
        raise FleetError(f"a picture of '{title}' would have {parts:,} boxes and lines, more than anyone can see", hint)
    return svg.draw(shown, title)


def _schedule(pipeline: Pipeline) -> str | None:
    from airfleet.pipelines.language.schedules import shown  # late: the command line starts without it

    return shown(pipeline.schedule)
