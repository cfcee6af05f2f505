"""Pages about Dags in Python, about what Airflow itself says, and about ``fleet.yaml``: AF300 to AF999."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.problems.page import Page
from airfleet.problem_codes import Code

_DAG: Final = "from airflow.sdk import DAG\n"
_BASH: Final = _DAG + "from airflow.providers.standard.operators.bash import BashOperator\n\n"

PAGES: Final[dict[Code, Page]] = {
    Code.PYTHON_SYNTAX: Page(
        "A file is not Python 3",
        "Airflow cannot import it, so there are no Dags of it.",
        _DAG + "with DAG('orders'):\nprint('made')\n",
        _DAG + "with DAG('orders'):\n    print('made')\n",
        "pipelines/orders.py",
    ),
    Code.PYTHON_NAME: Page(
        "A Dag in Python imports a name that Airflow 3 does not have",
        "The import fails, and with it all Dags of the file.",
        _DAG + "from airflow.operators.bash_operator import BashOperator\n",
        _DAG + "from airflow.providers.standard.operators.bash import BashOperator\n",
        "pipelines/orders.py",
    ),
    Code.PYTHON_ARGUMENT: Page(
        "A Dag in Python gives an argument that Airflow 3 does not take",
        "The call fails, or the argument does nothing.",
        _DAG + "DAG('orders', schedule_interval='@daily')\n",
        _DAG + "DAG('orders', schedule='@daily')\n",
        "pipelines/orders.py",
    ),
    Code.PYTHON_CONTEXT: Page(
        "A Dag in Python asks the context for a name that Airflow 3 does not have",
        "The task fails when it asks, or its template renders nothing.",
        _BASH + "BashOperator(task_id='load', bash_command='echo {{ execution_date }}')\n",
        _BASH + "BashOperator(task_id='load', bash_command='echo {{ logical_date }}')\n",
        "pipelines/orders.py",
    ),
    Code.PYTHON_ARCHIVE: Page(
        "An archive cannot be read",
        "Airflow reads Dags in Python from zip archives. This one is none, or is broken.",
    ),
    Code.AIRFLOW_REFUSES: Page(
        "Airflow refuses the Dag, or an operator its arguments",
        "The constructor of the class raised an error when the Dag was made. `airfleet check` imports no code, so the"
        " dag-processor and `airfleet run` say this alone.",
    ),
    Code.NOT_STORABLE: Page(
        "Airflow cannot store the Dag",
        "A timetable or an operator of your own makes a value that Airflow cannot write as JSON.",
    ),
    Code.NOT_IMPORTED: Page(
        "A class or function cannot be imported",
        "Its module is not installed where the Dag is made, or raises an error when it is imported.",
    ),
    Code.OUR_MISTAKE: Page(
        "airfleet itself failed",
        "The file made airfleet fail, which no file should. Please report it with the file.",
    ),
    Code.FLEET: Page(
        "`fleet.yaml` is wrong",
        "The sentence says what. [The reference](fleet.md) has every key.",
        "worker: [{slots: 4}]\n",
        "workers: [{slots: 4}]\n",
        "fleet.yaml",
    ),
}
