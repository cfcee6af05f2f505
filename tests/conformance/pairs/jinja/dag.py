"""Macros, filters, and documents from files."""

from __future__ import annotations

from pathlib import Path

import jinja2
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from steps import shop, shout

ABOUT = Path(__file__).with_name("about.md").read_text(encoding="utf-8")

with DAG(
    "jinja",
    schedule=None,
    doc_md=ABOUT,
    template_undefined=jinja2.ChainableUndefined,  # type: ignore[arg-type]
    user_defined_macros={"shop": shop},
    user_defined_filters={"shout": shout},
) as dag:
    BashOperator(task_id="greet", bash_command="echo {{ shop(ds) | shout }}", doc_md=ABOUT)
