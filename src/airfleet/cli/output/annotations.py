"""Problems as annotations of a GitHub workflow: commands that it reads from the output of a step."""

from __future__ import annotations

from airfleet.cli.output.sarif import one_text
from airfleet.errors import Problem, visible


def annotation(problem: Problem) -> str:
    """Write one problem as a command of a workflow.

    >>> from airfleet.errors import Place
    >>> from airfleet.problem_codes import Code
    >>> annotation(Problem(Place("a.yaml", 2, 7), "dag_id", "is 100% wrong", "leave it", Code.ID))
    '::error file=a.yaml,line=2,col=7,title=AF040::dag_id: is 100%25 wrong%0Ahint: leave it'
    """
    place = problem.place
    where = f"file={_property(visible(place.file))},line={place.line},col={place.column},title={problem.code}"
    return f"::{problem.severity} {where}::{_data(one_text(problem))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
