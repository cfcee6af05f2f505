"""Arguments of Dags and tasks: each is read by its kind."""

from __future__ import annotations

from airfleet.pipelines.language.arguments import Argument
from airfleet.pipelines.language.options import reader
from airfleet.pipelines.language.spec import Value
from airfleet.pipelines.reading.schedules import assets
from airfleet.yaml.nodes import Node
from airfleet.yaml.problems import Report


def argument(node: Node, path: str, known: Argument, report: Report) -> Value:
    """Give the value of an argument; None when it is null or wrong (noted in ``report``)."""
    if known.kind == "assets":
        return assets.assets(node, path, report)
    return reader.argument(node, path, known, report)
