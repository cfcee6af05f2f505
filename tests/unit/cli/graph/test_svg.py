"""Any Dag as SVG: a box for each task, inside the picture, and every text escaped."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given

from airfleet.cli.graph import svg
from airfleet.cli.graph.layers import Cluster, Graph, Node
from support.graphs import graphs


@given(graphs())
def test_any_graph_is_valid_svg_with_a_box_for_each_task(drawn: Graph) -> None:
    root = ET.fromstring(svg.draw(drawn, "a <title> & more"))
    boxes = root.findall(".//{http://www.w3.org/2000/svg}rect")
    assert len(boxes) == len(drawn.nodes)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert all(float(box.attrib["x"]) + float(box.attrib["width"]) <= width for box in boxes)
    assert all(float(box.attrib["y"]) + float(box.attrib["height"]) <= height for box in boxes)


def test_svg_escapes_what_people_write() -> None:
    drawn = Graph((Node("a<b", 'say "x" & more'),), ())
    assert "a&lt;b" in svg.draw(drawn, "t")
    assert ET.fromstring(svg.draw(drawn, "t")).find("{http://www.w3.org/2000/svg}title") is not None


def test_tasks_of_a_group_have_its_colour() -> None:
    nodes = (Node("a"), Node("g.b", group="g"), Node("h.c", group="h"))
    drawn = svg.draw(Graph(nodes, (), (Cluster("g"), Cluster("h"))), "shop")
    assert [part.partition(")")[0] for part in drawn.split("stroke: hsl(")[1:]] == ["0 60% 50%", "138 60% 50%"]
