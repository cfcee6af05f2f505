"""Objects that a pipeline names are made when its Dag is built."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from airfleet.errors import FileProblems
from airfleet.pipelines.airflow import dag
from airfleet.pipelines.airflow.function_task import LateFunction
from airfleet.pipelines.reading import reader

STEPS = """
import datetime as dt
from collections.abc import Callable
from enum import Enum
from airflow.sdk import BaseOperator

class Colour(Enum):
    RED = "red"

class Paint:
    def __init__(self, colour: Colour | None = None): self.colour = colour

class Painter(BaseOperator):
    def __init__(self, *, volumes, colour: Colour = Colour.RED, **kwargs):
        super().__init__(**kwargs)
        self.colour = colour

class Volume:
    template_fields = ("name",)
    def __init__(self, name, pause: dt.timedelta | None = None, at: dt.datetime = None, hook: Callable = None):
        if name == "bad":
            raise ValueError("the name is bad")
        self.name, self.pause, self.at, self.hook = name, pause, at, hook

    @classmethod
    def of(cls, name):
        return cls(name)

class Mount(dict):
    def __init__(self, target, type="bind", **options):
        if type not in ("bind", "volume"):
            raise ValueError(f"no such type: {type!r}")
        super().__init__(Target=target, Type=type, **options)

CONSTANT = 1

class Pod(BaseOperator):
    template_fields = ("volumes",)
    def __init__(self, *, volumes, **kwargs):
        super().__init__(**kwargs)
        self.volumes = volumes
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shop_new.py").write_text(STEPS)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def built(given: str, folder: Path, uses: str = "shop_new.Pod") -> Any:
    """Build a pipeline whose task 't' has one object; give what the operator has of it."""
    text = f"dag_id: p\ntasks: [{{id: a}}, {{id: t, uses: '{uses}', with: {{volumes: [{given}]}}}}]\n"
    [draft] = reader.read(text, str(folder / "p.yaml")).drafts
    return dag.build(draft.pipeline).get_task("t")


def test_literals_are_read_by_the_annotations_of_the_class(folder: Path) -> None:
    given = "with: {pause: 5m, at: 2026-01-01T00:00:00Z, hook: 'shop_new:Pod'}"
    [volume] = built(f"{{$new: shop_new.Volume, args: [a], {given}}}", folder).volumes
    assert (volume.name, volume.pause) == ("a", dt.timedelta(minutes=5))
    assert volume.at == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert volume.hook == LateFunction("shop_new", "Pod")


def test_text_becomes_the_member_of_an_enumeration(folder: Path) -> None:
    [paint] = built("{$new: shop_new.Paint, args: [red]}", folder).volumes
    assert paint.colour.name == "RED"
    text = "dag_id: p\ntasks: [{id: t, uses: shop_new.Painter, with: {volumes: [], colour: red}}]\n"
    [draft] = reader.read(text, str(folder / "p.yaml")).drafts
    painter: Any = dag.build(draft.pipeline).get_task("t")
    assert painter.colour.name == "RED"


def test_objects_hold_objects_and_methods_make_them(folder: Path) -> None:
    inner = "{$new: shop_new.Volume.of, args: [b]}"
    [volume] = built(f"{{$new: shop_new.Volume, with: {{name: [1, {inner}]}}}}", folder).volumes
    assert volume.name[0] == 1
    assert volume.name[1].name == "b"


def test_marked_text_is_rendered_and_other_text_stays(folder: Path) -> None:
    task = built(
        "{$new: shop_new.Volume, args: [{$t: '{{ ds }}'}]}, {$new: shop_new.Volume, args: ['{{ ds }}']}", folder
    )
    task.render_template_fields({"ds": "2026-01-01"})
    assert [volume.name for volume in task.volumes] == ["2026-01-01", "{{ ds }}"]


def test_all_of_an_object_that_is_a_mapping_is_rendered_where_it_is_marked(folder: Path) -> None:
    given = "args: [{$t: '/{{ ds }}'}], with: {type: volume, Source: {$x: a}, Labels: ['{{ ds }}'], File: /a.env}"
    task = built(f"{{$new: shop_new.Mount, {given}}}", folder)
    assert task.upstream_task_ids == {"a"}
    [mount] = task.volumes
    mount["Source"] = "lake"  # as the output is
    task.template_ext = (".env",)
    task.render_template_fields({"ds": "2026-01-01"})
    assert task.volumes == [
        {"Target": "/2026-01-01", "Type": "volume", "Source": "lake", "Labels": ["{{ ds }}"], "File": "/a.env"}
    ]


def test_an_output_inside_an_object_comes_first(folder: Path) -> None:
    assert built("{$new: shop_new.Volume, args: [{$x: a}]}", folder).upstream_task_ids == {"a"}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("{$new: shop_new.Volum}", "volumes[0].$new: 'shop_new' has no 'Volum'"),
        ("{$new: shop_new.Volume.off}", "volumes[0].$new: 'shop_new.Volume' has no 'off'"),
        ("{$new: shop_new.CONSTANT}", "volumes[0].$new: 'shop_new.CONSTANT' is not a class or function, but int"),
        ("{$new: shop_new.Volume, args: [bad]}",
         "volumes[0]: Volume refuses its arguments: the name is bad"),
        ("{$new: shop_new.Volume, with: {name: bad}}",
         "volumes[0].with.name: Volume refuses its arguments: the name is bad"),
        ("{$new: shop_new.Volume, args: [a], with: {pause: {$x: a}}}",
         "volumes[0].with.pause: Airflow does not render 'pause' of Volume, so it takes no marker"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_a_problem(given: str, problem: str, folder: Path) -> None:
    with pytest.raises(FileProblems) as error:
        built(given, folder)
    assert [f"{p.path}: {p.sentence}" for p in error.value.problems] == [f"tasks.t.with.{problem}"]
