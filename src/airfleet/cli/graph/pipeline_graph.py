"""A pipeline as a graph to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airfleet.cli.graph.layers import Cluster, Graph, Node

if TYPE_CHECKING:
    from airfleet.pipelines.language.spec import Group, Pipeline, Task


def graph(pipeline: Pipeline) -> Graph:
    """Return the tasks of a pipeline and which waits for which."""
    from airfleet.pipelines.language.graph import upstream  # late, as all of the language

    nodes = tuple(Node(task.id, _note(task), task.group) for task in pipeline.tasks)
    clusters = tuple(Cluster(group.id, group.parent, repeated(group)) for group in pipeline.groups)
    known = {task.id for task in pipeline.tasks}
    edges = tuple((up, task) for task, ups in upstream(pipeline).items() for up in ups if up in known)
    return Graph(nodes, edges, clusters)


def _note(task: Task) -> str:
    uses = task.uses.written if task.uses else ""
    return f"{uses} {repeated(task)}".strip()


def repeated(entry: Task | Group) -> str:
    """Name the arguments by which a task or group is repeated when it runs."""
    if entry.expand is None:
        return ""
    return f"× {', '.join(entry.expand.values)}" if any(entry.expand.values) else "× sets of arguments"
