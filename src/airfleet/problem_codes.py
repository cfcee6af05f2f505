"""Codes of problems: what kind a problem is, whatever its sentence says. ``airfleet explain AF012`` has a page of each.

A code is given where a problem is made, and never read from a sentence. Codes are stable: a kind that is gone leaves
its number free. The page of a new code stands in :mod:`airfleet.pipelines.problems`; a test asks for it.

======  ==================================================
AF0..   the file, its keys and their values
AF1..   tasks, schedules, and what the fleet has for them
AF2..   warnings: allowed, but hardly meant
AF3..   Dags in Python
AF4..   what Airflow itself says when the Dag is made
AF9..   ``fleet.yaml``
======  ==================================================
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """Whether something is wrong, or only doubtful."""

    ERROR = "error"
    WARNING = "warning"


class Code(StrEnum):
    """The kind of a problem."""

    GENERAL = "AF000"

    # the file
    UNREADABLE_FILE = "AF001"
    NOT_UTF8 = "AF002"
    YAML_SYNTAX = "AF003"
    KEY_WRITTEN_TWICE = "AF004"
    YAML_TAG = "AF005"
    YAML_ALIAS = "AF006"
    FILE_LIMIT = "AF007"
    NOT_A_PIPELINE = "AF008"
    IGNORE_FILE = "AF009"

    # keys
    WRONG_SHAPE = "AF010"
    MISSING_KEY = "AF011"
    UNKNOWN_KEY = "AF012"
    MISPLACED_KEY = "AF013"
    PYTHON_ONLY = "AF014"
    KEY_OF_ANOTHER_FORMAT = "AF015"
    EMPTY_VALUE = "AF016"
    TASK_ID_TWICE = "AF017"
    DAG_ID_TWICE = "AF018"
    JOB = "AF019"
    UNKNOWN_TEMPLATE = "AF020"
    TEMPLATE_CIRCLE = "AF021"
    INCLUDE = "AF022"
    INCLUDE_CIRCLE = "AF023"
    NOT_SHARED = "AF024"
    UNUSED_PARTS = "AF025"
    LOOP = "AF026"
    REQUIREMENTS = "AF027"

    # values
    WRONG_TYPE = "AF030"
    NOT_A_CHOICE = "AF031"
    OUT_OF_RANGE = "AF032"
    DATE = "AF033"
    DURATION = "AF034"
    FUNCTION_NAME = "AF035"
    LINK = "AF036"
    DATABASE_LIMIT = "AF037"
    UNSTORABLE = "AF038"
    CALENDAR = "AF039"
    ID = "AF040"
    ACCESS_CONTROL = "AF041"
    RESOURCES = "AF042"
    EXECUTOR = "AF043"
    JINJA_OPTION = "AF044"
    PARAM_SCHEMA = "AF045"
    PARAM_DEFAULT = "AF046"
    CONTRADICTION = "AF048"
    REFUSED_VALUE = "AF049"

    # ${{ }} and markers
    EXPRESSION_SYNTAX = "AF050"
    EXPRESSION_NAME = "AF051"
    EXPRESSION_PLACE = "AF052"
    EXPRESSION_VALUE = "AF053"
    UNKNOWN_MARKER = "AF055"
    MARKER_SHAPE = "AF056"
    MARKER_PLACE = "AF057"
    PYTHON_OBJECT = "AF058"

    # other formats
    NOT_CARRIED_OVER = "AF060"

    # the work of tasks
    UNKNOWN_OPERATOR = "AF100"
    NOT_AN_OPERATOR = "AF101"
    OPERATOR_GONE = "AF102"
    NAME_NOT_FOUND = "AF103"
    CALLBACK = "AF104"
    ARGUMENT_NOT_TAKEN = "AF105"
    ARGUMENT_MISSING = "AF106"
    ARGUMENT_TYPE = "AF107"
    ARGUMENT_WITHOUT_USES = "AF108"
    TASK_FILE = "AF109"
    TEMPLATE_SYNTAX = "AF110"
    TEMPLATE_NAME = "AF111"
    ENVIRONMENT_VARIABLE = "AF112"
    BRANCH_ANSWER = "AF113"

    # the graph
    UNKNOWN_TASK = "AF120"
    CIRCLE = "AF121"
    EXPANSION = "AF122"

    # schedules
    CRON = "AF130"
    SCHEDULE = "AF131"
    TIMETABLE = "AF132"
    TIME_ZONE = "AF133"
    ASSET = "AF134"

    # the fleet
    QUEUE_WITHOUT_WORKER = "AF140"

    # warnings
    NOT_RENDERED = "AF200"
    CRON_DOUBT = "AF201"
    FIXED_OFFSET = "AF202"
    NO_TIME = "AF203"
    PARAM_DOUBT = "AF204"
    SECRET = "AF205"
    FAR_START = "AF206"
    TRIGGER_RULE = "AF207"
    UNDECLARED_POOL = "AF208"
    UNDECLARED_CONNECTION = "AF209"
    FOREIGN_FILE = "AF210"
    FILE_NOT_READ = "AF211"
    SAME_FILE = "AF212"
    ARGUMENT_DOUBT = "AF213"
    UNKNOWN_DAG = "AF214"
    WITHOUT_EFFECT = "AF215"
    MOVING_DATE = "AF216"
    LANGUAGE_TASK = "AF217"
    EMPTY_LOOP = "AF218"
    CODE_NOT_CARRIED = "AF219"
    USELESS_IGNORE = "AF220"
    WRONG_IGNORE = "AF221"
    DATE_ORDER = "AF222"

    # Dags in Python
    PYTHON_SYNTAX = "AF300"
    PYTHON_NAME = "AF301"
    PYTHON_ARGUMENT = "AF302"
    PYTHON_CONTEXT = "AF303"
    PYTHON_ARCHIVE = "AF304"

    # Airflow's own
    AIRFLOW_REFUSES = "AF400"
    NOT_STORABLE = "AF401"
    NOT_IMPORTED = "AF402"
    OUR_MISTAKE = "AF403"

    FLEET = "AF900"

    @property
    def severity(self) -> Severity:
        """Say whether a problem of this kind keeps something from running."""
        return Severity.WARNING if self.value.startswith("AF2") else Severity.ERROR

    @property
    def can_be_silenced(self) -> bool:
        """Tell whether ``# airfleet: ignore`` hides problems of this kind.

        An error keeps its Dag from being made, whatever a comment says. A queue without a worker does not: workers of
        another project may take it.
        """
        return self is Code.QUEUE_WITHOUT_WORKER or (self.severity is Severity.WARNING and self not in _OF_COMMENTS)


#: what is said of the comments themselves
_OF_COMMENTS: Final = frozenset({Code.USELESS_IGNORE, Code.WRONG_IGNORE})
