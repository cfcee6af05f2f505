"""A template file that is not there: said wherever the Dag file is read, and by the task."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, BaseOperator


class Template(BaseOperator):
    template_fields = ("file",)
    template_ext = (".sql",)

    def __init__(self, file="", **more):
        super().__init__(**more)
        self.file = file

    def execute(self, context):
        print(self.file)


with DAG("missing_file", schedule=None, start_date=datetime(2026, 1, 1)):
    Template(task_id="missing", file="there_is_none.sql")
