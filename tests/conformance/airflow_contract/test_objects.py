"""What our objects, callbacks, params and deadlines use of Airflow is there and means what we think."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, literal


class Volume:
    template_fields = ("name",)

    def __init__(self, name: Any, path: str) -> None:
        self.name = name
        self.path = path


class Mounts(BaseOperator):
    template_fields = ("volumes",)

    def __init__(self, *, volumes: list[Volume], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.volumes = volumes


def test_airflow_renders_the_fields_that_an_object_names_and_no_others() -> None:
    task = Mounts(task_id="t", volumes=[Volume("{{ ds }}", "{{ ds }}"), Volume(literal("{{ ds }}"), "x")])
    task.render_template_fields({"ds": "2026-01-01"})  # type: ignore[arg-type]
    assert [(volume.name, volume.path) for volume in task.volumes] == [
        ("2026-01-01", "{{ ds }}"),
        ("{{ ds }}", "x"),
    ]


def test_an_operator_that_renders_other_objects_overrides_this_method() -> None:
    assert callable(BaseOperator._render_nested_template_fields)
