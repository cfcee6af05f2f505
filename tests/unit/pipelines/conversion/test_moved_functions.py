"""Functions of a file with Dags get a module of their own."""

from __future__ import annotations

from airfleet.pipelines.conversion.moved_functions import moved

FILE = '''\
from __future__ import annotations
import datetime as dt
import json, os
from airflow.sdk import DAG, task

LIMIT = 10
ROOT: dict = {"a": LIMIT}
CLIENT = connect()

class Row:
    size = LIMIT

def helper(x):
    return json.dumps([x, ROOT])

def unused():
    return dt.date.today()

with DAG("a"):
    @task
    def load(day):
        """Load a day."""
        return helper(Row()), day

    @task(retries=3)
    def store():
        CLIENT.send()
'''


def test_a_function_takes_along_what_it_needs() -> None:
    text, missing = moved(FILE, ["load"])
    assert missing == ()
    assert text == (
        "import json, os\n\n\nLIMIT = 10\n\n\nROOT: dict = {'a': LIMIT}\n\n\nclass Row:\n    size = LIMIT\n\n\n"
        "def helper(x):\n    return json.dumps([x, ROOT])\n\n\n"
        'def load(day):\n    """Load a day."""\n    return (helper(Row()), day)\n'
    )


def test_what_is_made_by_a_call_does_not_come_along() -> None:
    text, missing = moved(FILE, ["store"])
    assert missing == ("CLIENT",)
    assert text == "def store():\n    CLIENT.send()\n"


def test_names_that_are_not_there_are_nothing() -> None:
    assert moved(FILE, ["gone"]) == ("", ())
