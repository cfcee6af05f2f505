"""Objects to make are judged by the source of their class or function, before anything is imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check

STEPS = """
from dataclasses import dataclass
from enum import Enum
from airflow.sdk import BaseOperator

class Colour(Enum):
    RED = "red"
    BLUE = "blue"

@dataclass
class Base:
    colour: Colour | None = None

@dataclass
class Painted(Base):
    name: str = ""

@dataclass
class Volume:
    name: str
    size: int = 1
    template_fields = ("name",)

class Quiet:
    def __init__(self, a, *more, b: bool = True, **kwargs): ...

    @classmethod
    def of(cls, path): ...

def made(a, hook: Callable = None): ...

class Pod(BaseOperator):
    template_fields = ("volumes",)
    def __init__(self, *, volumes=None, plain=None, **kwargs): ...

class Renders(Pod):
    def _render_nested_template_fields(self, *args): ...
"""
MEANT = "write package.module.Class, for example"
NAMED = "write it under 'with' beside $new"


def said(given: str, folder: Path, uses: str = "shop_o.Pod", argument: str = "volumes") -> list[str]:
    """Give the problems of an object among the arguments of an operator, without the place of the operator."""
    (folder / "shop_o.py").write_text(STEPS)
    file = folder / "p.yaml"
    file.write_text(f"dag_id: p\ntasks: [{{id: a}}, {{id: t, uses: '{uses}', with: {{{argument}: [{given}]}}}}]\n")
    start = f"tasks.t.with.{argument}[0]"
    found = read_and_check(file, environ={}).problems
    return [f"{p.path.removeprefix(start)}: {p.sentence}" + (f" | {p.hint}" if p.hint else "") for p in found]


@pytest.mark.parametrize(
    "given",
    [
        "{$new: shop_o.Volume, with: {name: a, size: 3}}",
        "{$new: 'shop_o:Volume', args: [a, '3']}",
        "{$new: shop_o.Volume, args: [a], with: {size: 3}}",
        "{$new: shop_o.Volume, with: {name: {$t: '{{ ds }}'}}}",
        "{$new: shop_o.Volume, with: {name: {$x: a}}}",
        "{$new: shop_o.Quiet, args: [a, b, c], with: {anything: 1}}",
        "{$new: shop_o.Quiet.of, with: {path: x}}",
        "{$new: shop_o.made, with: {a: {$new: shop_o.made, args: [1]}, hook: 'shop_o:made'}}",
        "{$new: airflow.sdk.DeadlineReference.AVERAGE_RUNTIME, with: {max_runs: 2}}",
        "{$new: datetime.timedelta, with: {hours: 2}}",
        "{$new: shop_o.Painted, args: [red]}",
        "{$new: shop_o.Painted, with: {colour: {$new: shop_o.Colour, args: [blue]}}}",
        "{$new: airflow.sdk.RetryAction, args: [fail]}",
    ],
)
def test_what_can_be_made_is_taken(given: str, tmp_path: Path) -> None:
    assert said(given, tmp_path) == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("{$new: shop_o.Volum}", ".$new: 'shop_o' has no class or function 'Volum' | did you mean 'Volume'?"),
        ("{$new: shop_p.Volume}", ".$new: there is no module 'shop_p' | did you mean 'shop_o'?"),
        ("{$new: shop_o.Volume, with: {nam: a}}",
         ".with.nam: Volume takes no argument 'nam' | did you mean 'name'?"),
        ("{$new: shop_o.made, with: {a: 1, z: 1}}", ".with.z: made takes no argument 'z' | it takes a, hook"),
        ("{$new: shop_o.Volume}", f": Volume needs 'name' | {NAMED}"),
        ("{$new: shop_o.Quiet.of}", f": of needs 'path' | {NAMED}"),
        ("{$new: shop_o.Volume, args: [a, 2, 3]}",
         ".args: Volume takes 2 arguments by their place, not 3 | it takes name, size"),
        ("{$new: shop_o.Volume, args: [a], with: {name: b}}",
         ".with.name: 'name' is given twice: it is among 'args', too"),
        ("{$new: shop_o.Volume, args: [a, b]}", ".args[1]: must be a whole number, not 'b'"),
        ("{$new: shop_o.Quiet, with: {a: 1, b: x}}", ".with.b: must be true or false, not 'x'"),
        ("{$new: shop_o.Painted, with: {colour: rad}}",
         ".with.colour: 'rad' is not one of the values it can have | did you mean 'red'?"),
        ("{$new: shop_o.Painted, args: [1]}",
         ".args[0]: '1' is not one of the values it can have | one of red, blue"),
        ("{$new: shop_o.made, with: {a: 1, hook: x}}",
         ".with.hook: must be the name of a function | write module:function"),
        ("{$new: shop_o.made, args: [1, 'shop_o:mad']}",
         ".args[1]: 'shop_o' has no function 'mad' | did you mean 'made'?"),
        ("{$new: shop_o.Volume, with: {name: a, size: {$t: x}}}",
         ".with.size: Airflow does not render 'size' of Volume, so it takes no marker | Volume has name rendered"),
        ("{$new: shop_o.Quiet, args: [[{$x: a}]]}",
         ".args[0][0]: Airflow does not render 'a' of Quiet, so it takes no marker | "
         "make it of values that are known"),
        ("{$new: shop_o.Volume, with: {name: {$x: b}}}", ".with.name: there is no task 'b'"),
        ("{$new: shop_o.Volume, name: b}",
         ": $new has no 'name' beside it, only 'with' and 'args' | write with: {name: …} beside $new"),
        ("{$new: shop_o.Volume, arg: [b]}",
         ": $new has no 'arg' beside it, only 'with' and 'args' | did you mean 'args'?"),
        ("{$new: }", f".$new: must be the import path of a class or function | {MEANT}"),
        ("{$new: Volume}", f".$new: 'Volume' is not the import path of a class or function | {MEANT}"),
        ("{$new: a b.C}", f".$new: 'a b.C' is not the import path of a class or function | {MEANT}"),
        ("{$new: [1]}", f".$new: must be the import path of a class or function | {MEANT}"),
        ("{$new: shop_o.Volume, with: [1]}",
         ".with: must be a mapping of arguments | a list of arguments goes under 'args'"),
        ("{$new: shop_o.Volume, args: a}",
         ".args: must be a list of arguments | arguments by name go under 'with'"),
        ("{$new: shop_o.Volume, with: {$t: 1}}",
         ".with: '$t' must stand at an argument, not in place of all of them"),
        ("{$object: shop_o.Volume}",
         ": '$object' is not a marker; there are $t, $x, $f, $item, $new and $const | did you mean '$new'?"),
        ("{__type__: shop_o.Volume, name: b, __args__: [1]}",
         ": '__type__' makes no Python object here | write {$new: shop_o.Volume, args: […], with: {name: …}}; "
         "to pass on the mapping itself, wrap it in {$const: …}"),
        ("{$new: datetime.date, args: [2026, 2, 30]}", ": date refuses its arguments: day is out of range for month"),
        ("{$new: datetime.timedelta, with: {hours: x}}",
         ": timedelta refuses its arguments: unsupported type for timedelta hours component: str"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_a_problem_at_its_place(given: str, problem: str, tmp_path: Path) -> None:
    assert said(given, tmp_path) == [problem]


RENDERED = "{$new: shop_o.Quiet, args: [{$t: x}]}"


def test_an_operator_may_render_objects_in_its_own_way(tmp_path: Path) -> None:
    assert said(RENDERED, tmp_path, "shop_o.Renders") == []
    assert said(RENDERED, tmp_path, "shop_o.Pod") != []
    assert said(RENDERED, tmp_path, "shop_o:made", "a") != []  # a function's arguments are rendered by Airflow


def test_an_argument_that_is_not_rendered_takes_an_object_with_a_file_but_without_jinja(tmp_path: Path) -> None:
    (tmp_path / "x.sql").write_text("select 1")
    assert said("{$new: shop_o.Volume, args: [{$f: x.sql}]}", tmp_path, argument="plain") == []
    [problem] = said("{$new: shop_o.Volume, args: [{$t: x}]}", tmp_path, argument="plain")
    assert "'plain' is not rendered, so it cannot hold a marker" in problem


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("schedule: {uses: shop_o.Bare}", "schedule.uses: 'shop_o.Bare' makes no timetable and no asset"),
        ("schedule: {assets: {name: a, watchers: [{name: w, trigger: {$new: shop_o.Bare}}]}}",
         "schedule.assets.watchers[0].trigger.$new: 'shop_o.Bare' is no trigger of events"),
        ("schedule: {assets: a, partition: {$new: shop_o.Bare}}",
         "schedule.partition.$new: 'shop_o.Bare' is no partition mapper"),
        ("defaults: {weight_rule: {$new: shop_o.Bare}}",
         "defaults.weight_rule.$new: 'shop_o.Bare' is no strategy of priority weights"),
    ],
)  # fmt: skip
def test_an_object_of_another_kind_than_airflow_takes_is_a_problem(line: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "shop_o.py").write_text("class Bare: ...\n")
    (tmp_path / "p.yaml").write_text(f"dag_id: p\n{line}\ntasks: [{{id: a}}]\n")
    [found] = read_and_check(tmp_path / "p.yaml", environ={}).problems
    assert f"{found.path}: {found.sentence}" == problem
